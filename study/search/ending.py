"""Whether a search ends before its budget: never, or where nothing untried is expected to raise the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core.formatting import plural
from study.search.surface.prospects import expected_rise

if TYPE_CHECKING:
    from study.record import Tracker
    from study.search.ledger import Ledger
    from study.search.plan import Plan
    from study.search.progress import Progress

LEAST = 12  # searched trials that have been told before a search may be thought settled


class Ending:
    """Never before the budget; what an earlier run of the study said of an end is taken back."""

    def __init__(self, plan: Plan, ledger: Ledger, tracker: Tracker, progress: Progress) -> None:
        self.plan, self.ledger, self.tracker, self.progress = plan, ledger, tracker, progress

    def is_here(self, done: int, fixed: bool) -> bool:
        """Whether the search is over after so many trials, which may be decided at `fixed` points alone."""
        kept = self.ledger.ending()
        if kept and not kept["past"]:
            self.ledger.keep_ending({**kept, "past": True})
            self.tracker.note_ending("")
        return False


class Settled(Ending):
    """At a fixed point after which the best untried configuration is expected to add less than the tolerance.

    The reason is kept with the study, which stays ended until `study.trials` or the key changes; then it goes on by a
    round at least. The decision depends on the seed and on the trials that were told.
    """

    def is_here(self, done: int, fixed: bool) -> bool:
        total, kept = self.plan.config.study.trials, self.ledger.ending()
        if kept and kept["trials"] == total and not kept["past"]:
            self._say(kept["reason"])
            return True
        reason = self._reason(done) if fixed and done > (kept["after"] if kept else 0) else ""
        if not reason:
            return super().is_here(done, fixed)
        self.ledger.keep_ending({"trials": total, "after": done, "reason": reason, "past": False})
        self._say(reason)
        return True

    def _say(self, reason: str) -> None:
        self.progress.say((reason,))
        self.tracker.note_ending(reason)

    def _reason(self, done: int) -> str:
        """Why the search is over, empty where it is not."""
        foresight, told = self.ledger.foresight, self.ledger.told_trials()
        if len(told) < LEAST:
            return ""
        gain = expected_rise(self.plan.tree, told, foresight, self.plan.config.study.seed)
        if gain >= foresight.tolerance:
            return ""
        total = plural(self.plan.config.study.trials, "trial")
        what = f"what is left is expected to add {gain:.2g} to the front" if gain else "nothing is left that could add"
        return f"the search stopped after {done} of {total}: {what}, less than {foresight.tolerance:g}"


def ending_of(plan: Plan, ledger: Ledger, tracker: Tracker, progress: Progress) -> Ending:
    """The study's own."""
    kind = Ending if plan.config.search.stop is None else Settled
    return kind(plan, ledger, tracker, progress)
