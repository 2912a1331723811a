"""Whether a search ends before its budget: never, or where nothing untried is expected to raise the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core.formatting import plural
from study.core.records import INFEASIBLE
from study.search.stored import PASSED_OVER, stop_of
from study.search.surface.prospects import expected_rise

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

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
    """At a fixed point after which the best untried configuration is expected to add less than the tolerance, or where
    nothing that was proposed in the last round may be trained; anywhere else when the space is used up.

    The reason is kept with the study, which stays ended until `study.trials` or the key changes; then it goes on by a
    round at least. The decision depends on the seed and on the trials that were told.
    """

    def is_here(self, done: int, fixed: bool) -> bool:
        total, kept = self.plan.config.study.trials, self.ledger.ending()
        if kept and kept["trials"] == total and not kept["past"]:
            self._say(kept["reason"])
            return True
        reason = self._end_of_space(done)
        if not reason and fixed and done > (kept["after"] if kept else 0):
            reason = self._end_of_luck(done) or self._reason(done)
        if not reason:
            return super().is_here(done, fixed)
        self.ledger.keep_ending({"trials": total, "after": done, "reason": reason, "past": False})
        self._say(reason)
        return True

    def _say(self, reason: str) -> None:
        self.progress.say((reason,))
        self.tracker.note_ending(reason)

    def _end_of_space(self, done: int) -> str:
        """That the space is used up, once all that was asked for has been told; else empty."""
        if not self.ledger.is_used_up() or done < self.ledger.standing():
            return ""
        bounds = self._bounds()
        if not self.ledger.untried.has_possible():
            return f"{self._beginning(done)}: no configuration of the space keeps {bounds}"
        which = f"that keeps {bounds} " if bounds else ""
        return f"{self._beginning(done)}: every configuration of the space {which}was tried"

    def _end_of_luck(self, done: int) -> str:
        """That a whole round brought nothing that may be trained; else empty."""
        count = self.plan.config.search.round
        searched = [t for t in self.ledger.trials() if not {"baseline", PASSED_OVER} & t.user_attrs.keys()]
        if len(searched) < count or not all(map(breaks_beforehand, searched[-count:])):
            return ""
        return f"{self._beginning(done)}: nothing that was proposed in the last round keeps {self._bounds()}"

    def _bounds(self) -> str:
        return " and ".join(map(str, self.plan.constraints))

    def _beginning(self, done: int) -> str:
        return f"the search stopped after {done} of {plural(self.plan.config.study.trials, 'trial')}"

    def _reason(self, done: int) -> str:
        """Why the search is over, empty where it is not."""
        foresight, told = self.ledger.foresight, self.ledger.told_trials()
        if len(told) < LEAST:
            return ""
        gain = expected_rise(self.plan.tree, told, foresight, self.plan.config.study.seed)
        if gain >= foresight.tolerance:
            return ""
        what = f"what is left is expected to add {gain:.2g} to the front" if gain else "nothing is left that could add"
        return f"{self._beginning(done)}: {what}, less than {foresight.tolerance:g}"


def breaks_beforehand(trial: FrozenTrial) -> bool:
    """Whether the trial ended before its first fold for a figure that was known."""
    stop = stop_of(trial)
    return stop is not None and stop.state == INFEASIBLE


def ending_of(plan: Plan, ledger: Ledger, tracker: Tracker, progress: Progress) -> Ending:
    """The study's own."""
    kind = Ending if plan.config.search.stop is None else Settled
    return kind(plan, ledger, tracker, progress)
