"""One comparison of a study's configurations: the source of every sentence on which to choose."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study.core.evidence.compare import Comparison, Contrast
from study.core.evidence.costs import compared_costs
from study.core.evidence.outlook import Outlook, outlook
from study.core.evidence.selection import corrected_best
from study.core.evidence.sources import Estimates, estimate
from study.core.evidence.table import ScoreTable
from study.core.evidence.verdict import Verdict, decide
from study.core.figures import costs_of

MOST = 300  # configurations that are compared in pairs: their errors are a matrix, and so are their draws


@dataclass(frozen=True)
class Judgement:
    """What a table of scores comes to; what takes long is computed when it is asked for.

    `cost` names the figure by which a configuration is cheap; `costs` [C] are those figures, the smaller the cheaper
    and equal where nothing tells them apart (:mod:`study.core.evidence.costs`). `tolerance` and `confidence` are what
    was asked.
    """

    table: ScoreTable
    estimates: Estimates
    verdict: Verdict
    costs: np.ndarray
    cost: str
    tolerance: float
    confidence: float

    @cached_property
    def comparison(self) -> Comparison:
        """All differences."""
        return Comparison(self.estimates)

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Every configuration against the best."""
        return tuple(self.comparison.against(self.verdict.best))

    @cached_property
    def none_apart(self) -> bool:
        """Whether no two configurations can be told apart, as many pairs as there are."""
        return not self.comparison.claims().any()

    @cached_property
    def corrected(self) -> float:
        """The best one's gain, less what having been chosen has flattered it by; NaN where nothing measures that."""
        return corrected_best(self.table, estimates=self.estimates)

    @cached_property
    def outlook(self) -> Outlook | None:
        """What would be expected to decide; None where nothing is undecided, or nothing measures the error."""
        undecided = self.verdict.undecided
        if not undecided or not self.estimates.freedom:
            return None
        return outlook(self.estimates, undecided, self.tolerance, self.confidence)

    def number(self, row: int | None) -> int | None:
        """The trial in a row of the table; None where there is none."""
        return None if row is None else int(self.table.numbers[row])

    @property
    def recommended(self) -> int | None:
        """The number of the trial to choose; where the data cannot tell, of the one to take meanwhile."""
        return self.number(self.verdict.recommended)

    @property
    def best(self) -> int:
        """The number of the trial with the highest expected score."""
        return int(self.table.numbers[self.verdict.best])

    def row(self, number: int) -> int | None:
        """Where a trial is in the table; None where it is not compared."""
        numbers = list(self.table.numbers)
        return numbers.index(number) if number in numbers else None


def judge(
    table: ScoreTable,
    figures: Mapping[int, Mapping[str, float]],
    objectives: Sequence[str],
    tolerance: float,
    confidence: float,
    free: Collection[int] = (),
    levels: Sequence[float] = (),
) -> Judgement:
    """Judge the trials of a table by their `figures`, by number; `free` are the numbers that train nothing but a head.

    Raises nothing: what cannot be known is NaN or None in the judgement.
    """
    costs = compared_costs(table, figures, objectives)
    rows = [row for row, number in enumerate(table.numbers) if number in free]
    estimates = estimate(table)
    verdict = decide(estimates, costs, tolerance, confidence, rows, levels)
    return Judgement(table, estimates, verdict, costs[:, 0], costs_of(objectives)[0], tolerance, confidence)


def select_compared(means: Mapping[int, float], kept: Collection[int], stopped: Collection[int] = ()) -> list[int]:
    """The numbers that are compared, sorted: all of them, or of very many the `kept` ones, then the highest means,
    those of trials that were `stopped` last."""
    ranked = sorted(means, key=lambda number: (number not in kept, number in stopped, -means[number], number))
    return sorted(ranked[:MOST])
