"""What is trained and what came of it: members, each a trial on one fold, and the trials that they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from study.config.schema import Configuration
from study.core.records import INFEASIBLE, PRUNED, Adaptation, FoldResult


@dataclass(frozen=True)
class Member:
    """One training: a trial's configuration on one fold, with a seed of its own.

    `adaptation` is what the configuration comes to on its model.
    """

    trial: int
    fold: int
    configuration: Configuration
    seed: int
    adaptation: Adaptation


@dataclass(frozen=True)
class Stop:
    """Why a trial ended after `folds` folds: `reason` completes "stopped after 2 of 5 folds: it …".

    `rival` is the trial beside which it was judged, and `probability` how probable it was that it would have been of
    use; None where that was not asked. `state` is pruned, or infeasible where it broke a constraint.
    """

    trial: int
    folds: int
    reason: str
    rival: int | None = None
    probability: float | None = None
    state: str = PRUNED


@dataclass(frozen=True)
class TrialResult:
    """A trial whose every fold has a result, in fold order, or which was `stopped` before its last one.

    `repeats` are results of further cross-validations, which no objective and no state depends on; `replaces` is the
    failed trial that was asked again as this one, and counts no more. One that was `passed_over` broke a bound by a
    figure that was known, so that another was asked for in its place: it is none of `study.trials`.
    """

    trial: int
    configuration: Configuration
    folds: tuple[FoldResult, ...]
    baseline: str | None = None
    duplicate_of: int | None = None
    stopped: Stop | None = None
    broken: tuple[str, ...] = ()  # constraints that its figures break
    repeats: tuple[FoldResult, ...] = ()
    replaces: int | None = None
    passed_over: bool = False

    @property
    def state(self) -> str | None:
        """pruned or infeasible, None of other trials."""
        if self.stopped is not None:
            return self.stopped.state
        return INFEASIBLE if self.broken and self.complete else None

    @property
    def complete(self) -> bool:
        """Whether every fold has a score."""
        return self.stopped is None and self.failure is None

    @property
    def status(self) -> str:
        """How its record ends: FINISHED, FAILED where a fold has no score, KILLED where it was stopped."""
        if self.stopped is not None:
            return "KILLED"
        return "FINISHED" if self.complete else "FAILED"

    @property
    def failure(self) -> str | None:
        """What the first fold without a score says of it; None where every fold that was trained has one."""
        return next((f.error or "no reason was kept" for f in self.folds if f.score is None), None)


def count_results(results: Mapping[int, TrialResult]) -> int:
    """How many of the results count for `study.trials`."""
    return sum(not result.passed_over for result in results.values())
