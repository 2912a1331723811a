"""Folds whose workers died or hung: no verdict on a configuration, so that they are tried again before they fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from study.config.members import TrialResult
from study.core.formatting import plural
from study.core.records import FoldResult
from study.search.deadline import UNFINISHED
from study.search.stored import REPLACES

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from study.search.ledger import Ledger

LOSS = "lost:"  # begins the name of an attribute that says in how many runs a fold has lost its workers
SHOWN = 3  # trials whose reason is shown


class Losses:
    """What has lost its workers in this run. Guarantees:

    a trial with such a fold is not told: it stays open, and the next run of the command tries that fold alone again; in
    how many runs it was is durable, and when they are `study.tries`, the fold has failed, with what helps.
    """

    def __init__(self, tries: int, ledger: Ledger) -> None:
        self.tries, self.ledger = tries, ledger
        self.open: dict[int, str] = {}  # why trials are left to the next run, by number

    def settle(self, trial: FrozenTrial, result: FoldResult) -> FoldResult | None:
        """The result as it is to be kept; None where it is none yet."""
        if not result.transient:
            return result
        runs = trial.user_attrs.get(f"{LOSS}{result.fold}", 0) + 1
        self.ledger.note(trial, f"{LOSS}{result.fold}", runs)
        if runs < self.tries:
            self.open[trial.number] = f"{result.error} (run {runs} of {self.tries})"
            return None
        often = f", in {plural(runs, 'run')} of the study" if runs > 1 else ""
        remedy = "find out what ends it, such as memory, and try again with study.retry=failed"
        return replace(result, error=f"{result.error}{often}: {remedy}")

    def leave_open(self, number: int, original: int | None) -> bool:
        """Whether the trial, which may repeat another, is left to the next run."""
        if original in self.open:
            self.open[number] = self.open[original]
        return number in self.open

    def report(self, results: Mapping[int, TrialResult]) -> tuple[list[str], int]:
        """What a person hears at the end, and the exit status: 0 where nothing was lost."""
        if self.open:
            reasons = [f"  trial {n}: {why}" for n, why in sorted(self.open.items())[:SHOWN]]
            many = plural(len(self.open), "trial")
            verb = "is" if len(self.open) == 1 else "are"
            return [f"{many} {verb} left, whose workers died; the same command tries again:", *reasons], UNFINISHED
        lost = any(fold.transient for result in results.values() for fold in result.folds)
        return [], int(lost or not any(result.complete for result in results.values()))


def is_again(trial: FrozenTrial) -> bool:
    """Whether some of the trial's folds are tried again, beside finished ones that are not."""
    return REPLACES in trial.user_attrs or any(key.startswith(LOSS) for key in trial.user_attrs)
