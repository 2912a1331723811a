"""What a replayed study had come to after each of its rounds, held against the whole grid and against the truth."""

from __future__ import annotations

from dataclasses import dataclass

import moocore
import numpy as np
from benchmarks.lookup import Grid, replay

from study.config.members import TrialResult
from study.core.evidence.verdict import CANNOT_TELL
from study.core.figures import usual_tolerance
from study.search import finish
from study.search.driver import Driver
from study.search.plan import Plan
from study.search.verdict import judge_results

COST = "params/trainable"


@dataclass(frozen=True)
class Truth:
    """What a replayed study is held against: rows of the grid's table.

    `means` are the whole grid's cross-validation. `volume` is the area that its front dominates, by losses (1 − score)
    and the logarithm of the cost, up to `reference`: the mean score `floor`, at twice the grid's largest cost. `worth`
    is what each configuration scored on average in trainings that are none of the grid's.
    """

    means: np.ndarray
    costs: np.ndarray
    floor: float
    tolerance: float
    worth: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """Loss and logarithmic cost [C, 2]."""
        return np.column_stack([1 - self.means, np.log10(self.costs)])

    @property
    def reference(self) -> np.ndarray:
        return np.array([1 - self.floor, np.log10(2 * self.costs.max())])

    def volume(self, rows: list[int]) -> float:
        """The hypervolume of these configurations."""
        return float(moocore.hypervolume(self.points[rows], ref=self.reference)) if rows else 0.0

    def share(self, rows: list[int]) -> float:
        """The same, as a share of the whole grid's."""
        return self.volume(rows) / self.volume([*range(len(self.means))])

    def short(self, row: int | None) -> float:
        """How much less than the best one a configuration is worth; NaN where there is none."""
        return float("nan") if row is None else float(self.worth.max() - self.worth[row])

    def near(self, row: int | None) -> bool:
        """Whether a configuration is worth as much as the best one but for the tolerance."""
        return self.short(row) <= self.tolerance

    def adds(self, row: int) -> bool:
        """Whether a configuration is worth more than all that cost no more by more than the tolerance."""
        rivals = self.costs <= self.costs[row]
        rivals[row] = False
        return bool(self.worth[row] > self.worth[rivals].max(initial=-np.inf) + self.tolerance)


def truth_of(grid: Grid, worth: np.ndarray) -> Truth:
    """The truth of a grid: what the frozen head scores counts for nothing, the tolerance is the metric's own."""
    table = grid.table
    floor = float(table.means[table.baselines.index("head")])
    return Truth(table.means, table.costs[COST], floor, usual_tolerance(table.origin["metric"]), worth)


@dataclass(frozen=True)
class Outcome:
    """A study after each round [T]: its fold-trainings and its front's hypervolume as shares of the grid's, and the row
    that it recommends; then how many it had stopped and stopped falsely, and what its answer at the end was worth."""

    spent: list[float]
    volume: list[float]
    chosen: list[int | None]
    stops: int
    false: int
    adding: int  # configurations that truly add to the front, of those that were asked for
    sure: bool  # that its answer at the end does not say that it cannot tell
    high: float  # by how much the score of the best one is above what that is worth
    corrected: float  # the same of what the answer says that it is worth


def outcome(grid: Grid, truth: Truth, *overrides: str, seed: int = 0, final: bool = False) -> Outcome:
    """Replay one study; `final` looks at its end alone."""
    driver = replay(grid, *overrides, seed=seed)
    plan, numbers = driver.plan, sorted(driver.results)
    size = plan.config.search.round
    ends = [len(numbers)] if final else [*range(size, len(numbers), size), len(numbers)]
    looks = [_look(grid, truth, plan, {n: driver.results[n] for n in numbers[:end]}) for end in ends]
    spent, volume, chosen = (list(column) for column in zip(*looks, strict=True))
    stopped = [_row(grid, r) for r in driver.results.values() if r.stopped]
    false, adding = sum(map(truth.adds, stopped)), _adding(grid, truth, driver)
    return Outcome(spent, volume, chosen, len(stopped), false, adding, *_answer(grid, truth, driver))


def _answer(grid: Grid, truth: Truth, driver: Driver) -> tuple[bool, float, float]:
    """Whether the answer at the end is sure, and by how much the best one's score, and the corrected one, are high."""
    judgement = judge_results(driver.plan, driver.results)
    assert judgement is not None
    worth = truth.worth[_row(grid, driver.results[judgement.best])]
    raw, corrected = judgement.estimates.means[judgement.verdict.best], judgement.corrected
    return judgement.verdict.kind != CANNOT_TELL, round(float(raw - worth), 4), round(float(corrected - worth), 4)


def _look(grid: Grid, truth: Truth, plan: Plan, results: dict[int, TrialResult]) -> tuple[float, float, int | None]:
    trained = sum(len(r.folds) for r in results.values() if r.duplicate_of is None)
    front = [_row(grid, results[number]) for number in finish.front(plan, results)]
    judgement = judge_results(plan, results)
    chosen = None if judgement is None else judgement.recommended
    row = None if chosen is None else _row(grid, results[chosen])
    return trained / grid.table.scores.size, truth.share(front), row


def _row(grid: Grid, result: TrialResult) -> int:
    return grid.rows[result.configuration]


def _adding(grid: Grid, truth: Truth, driver: Driver) -> int:
    searched = [r for r in driver.results.values() if r.baseline is None]
    return sum(truth.adds(_row(grid, r)) for r in searched)
