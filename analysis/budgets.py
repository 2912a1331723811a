"""What a budget buys: the verdict on the configurations within it, as `lora-export trial='params<=N'` has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np
import pandas as pd

from analysis.judgement import MEASURED, free_numbers
from analysis.references import Reference, usable_levels
from analysis.runs import StudyRuns
from study.core.alone import with_alone
from study.core.evidence.judgement import Judgement, judge
from study.core.evidence.table import ScoreTable, Worths
from study.core.evidence.verdict import CANNOT_TELL
from study.core.figures import COSTS, FIGURES, MAXIMIZE, costs_of

OWN, OTHERS = 2000, 400  # over how many configurations are compared: how many budgets are judged of a cost
FEWEST, MOST = 4, 24  # budgets of a cost


@dataclass(frozen=True)
class Step:
    """The verdict on the `count` configurations, stopped ones too, whose cost is at most `limit` (of speed: at least).

    `number` is the trial to take, None where what needs no training is as good; `near` is the probability that it is
    within the tolerance of the best of them, NaN where nothing measures that. `kind` is the verdict's.
    """

    limit: float
    count: int
    kind: str
    number: int | None
    near: float


@dataclass(frozen=True)
class Ladder:
    """The steps of one cost, from the tightest budget to that which holds all; `possible` is how many there would be,
    were each judged at which one more configuration is within it."""

    steps: tuple[Step, ...]
    possible: int


def budgets_of(runs: StudyRuns, judgement: Judgement | None, references: Sequence[Reference] = ()) -> dict[str, Ladder]:
    """For each cost that is known of a compared trial, the study's own ones first, what its budgets buy.

    At most 24 budgets of a cost are judged, of many configurations fewer: each is a comparison of its own. In a control
    nothing is to be bought.
    """
    if judgement is None or runs.info.is_control:
        return {}
    parts, costs = _Parts(runs, judgement, references), costs_of(runs.info.objectives)
    ladders = {name: parts.ladder(name, name in costs) for name in dict.fromkeys([*costs, *COSTS])}
    return {name: ladder for name, ladder in ladders.items() if ladder.steps}


class _Parts:
    """Judges parts of the compared trials, each once."""

    def __init__(self, runs: StudyRuns, whole: Judgement, references: Sequence[Reference]) -> None:
        self.runs, self.whole = runs, whole
        self.rows = runs.trials.set_index("number").loc[list(whole.table.numbers)]
        figures = self.rows.reindex(columns=MEASURED).to_dict("index")
        self.figures = {int(number): with_alone(row) for number, row in figures.items()}
        self.may_be_taken = self.rows.index.isin(runs.compared["number"])
        self.levels = [*usable_levels(references, runs.info.metric).values()]
        self.known: dict[bytes, tuple[str, int | None, float]] = {}

    def ladder(self, name: str, traded: bool) -> Ladder:
        """The steps of one cost, of more of them where the study trades by it."""
        sign = -1.0 if FIGURES[name].direction == MAXIMIZE else 1.0
        costs = np.array([sign * figures.get(name, nan) for figures in self.figures.values()])
        limits = np.unique(costs[self.may_be_taken & ~np.isnan(costs)])
        room = min(MOST, max(FEWEST, (OWN if traded else OTHERS) // len(costs)))
        steps = []
        for limit in limits[even_places(len(limits), room)]:
            part = costs <= limit  # nobody knows whether what lacks the cost is within it
            steps.append(Step(float(sign * limit), int(part.sum()), *self._verdict_on(part)))
        return Ladder(tuple(steps), len(limits))

    def _verdict_on(self, part: np.ndarray) -> tuple[str, int | None, float]:
        """The kind, the trial to take and its probability, of the part that a mask [C] gives."""
        if part.tobytes() not in self.known:
            judgement = self.whole if part.all() else self._judge(part)
            kind, row = judgement.verdict.kind, judgement.verdict.recommended
            number, near = judgement.recommended, nan if row is None else float(judgement.verdict.within[row])
            if kind == CANNOT_TELL and number is None:  # nothing measures the error
                number = self._highest(part)
            self.known[part.tobytes()] = kind, number, near
        return self.known[part.tobytes()]

    def _judge(self, part: np.ndarray) -> Judgement:
        whole = self.whole
        return judge(
            part_of(whole.table, part), self.figures, self.runs.info.objectives, whole.tolerance, whole.confidence,
            free_numbers(self.rows[part]), self.levels,
        )  # fmt: skip

    def _highest(self, part: np.ndarray) -> int:
        """The trial with the best score; of equal ones that with the fewest trained parameters, then the earliest."""
        rows = self.rows[part & self.may_be_taken]
        loss = -rows["score"] if self.runs.info.higher_is_better else rows["score"]
        order = pd.DataFrame({"loss": loss, "trained": rows["params/trainable"].fillna(0)})
        return int(order.sort_values(["loss", "trained"], kind="stable").index[0])


def even_places(count: int, room: int) -> np.ndarray:
    """At most `room` of `count` places, evenly, the first and the last among them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, room)).round().astype(int))


def part_of(table: ScoreTable, rows: np.ndarray) -> ScoreTable:
    """The table of some of its configurations, a mask [C]: what it would be, had the study no others."""
    scores = table.scores[rows]
    columns = ~np.isnan(scores).all(axis=0) | (np.arange(scores.shape[1]) < table.splits)
    answers = None if table.answers is None else _answers_of(table.answers, rows, columns)
    numbers = tuple(number for number, taken in zip(table.numbers, rows, strict=True) if taken)
    return replace(
        table, numbers=numbers, scores=scores[:, columns], sizes=np.asarray(table.sizes)[columns], answers=answers
    )


def _answers_of(answers: Worths, rows: np.ndarray, columns: np.ndarray) -> Worths:
    """The answers of some rows on some of the folds, which are counted anew."""
    there = columns[answers.fold]
    places = np.cumsum(columns) - 1
    return Worths(
        places[answers.fold[there]], answers.metric,
        *(None if part is None else part[rows][:, there] for part in (answers.worth, answers.predicted)),
        *(None if part is None else part[there] for part in (answers.labels, answers.group, answers.example)),
    )  # fmt: skip
