"""What the statistics start from: a table of scores, and the answers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study.core import metrics
from study.core.errors import DataError

MACRO_F1 = "macro_f1"
ACCURACY = "accuracy"


@dataclass(frozen=True)
class Worths:
    """The out-of-fold answers of C configurations, one column an answer: M = examples × cross-validations.

    `worth` [C, M] is what each answer adds to a metric that is a mean (NaN where the fold was not trained);
    `predicted` [C, M] (−1 where not trained) with `labels` [M] are classes. One of the two is given.
    `fold` [M] counts over all cross-validations (0 … k·R − 1). `group` [M] says which answers are no independent
    ones; `example` [M] which columns are the same example answered again in another cross-validation, and is needed
    as soon as there are two.
    """

    fold: np.ndarray
    metric: str
    worth: np.ndarray | None = None
    predicted: np.ndarray | None = None
    labels: np.ndarray | None = None
    group: np.ndarray | None = None
    example: np.ndarray | None = None

    def __post_init__(self) -> None:
        if (self.worth is None) == (self.predicted is None):
            raise DataError("answers", "are worths or predicted classes, one of the two", "give one of them")
        if self.worth is None and self.metric not in (ACCURACY, MACRO_F1):
            raise DataError(
                self.metric,
                f"classes are weighted for {ACCURACY} and {MACRO_F1}",
                "write its weighted form in weighted.py",
            )
        if self.predicted is not None and self.labels is None:
            raise DataError("predicted classes", "are judged by labels", "give the labels")

    @property
    def is_mean(self) -> bool:
        """Whether the score of a fold is the mean of its answers' worths."""
        return self.worth is not None or self.metric == ACCURACY

    @cached_property
    def each(self) -> np.ndarray:
        """What each answer is worth [C, M] float64: its worth, or whether the class is right; NaN where not trained."""
        if self.worth is not None:
            return np.asarray(self.worth, float)
        assert self.predicted is not None
        right: np.ndarray = (self.predicted == self.labels).astype(float)
        right[np.asarray(self.predicted) < 0] = np.nan
        return right

    @cached_property
    def grain(self) -> float:
        """How much one answer is apt to change: 1 for classes, the standard deviation of worths."""
        return 1.0 if self.worth is None else float(np.nanstd(self.each))

    @cached_property
    def cluster(self) -> np.ndarray:
        """The number of the independent unit [M] that each answer belongs to: its group, its example, or itself."""
        label = self.group if self.group is not None else self.example
        return np.arange(len(self.fold)) if label is None else _number_labels(label)

    @cached_property
    def identity(self) -> np.ndarray:
        """The number of the example [M] that each answer is about."""
        return np.arange(len(self.fold)) if self.example is None else _number_labels(self.example)

    @property
    def examples(self) -> int:
        """How many examples were answered, N."""
        return int(self.identity.max()) + 1


def _number_labels(labels: np.ndarray) -> np.ndarray:
    """The number of each label [M] among those that differ."""
    numbers: np.ndarray = np.unique(np.asarray(labels), return_inverse=True)[1]
    return numbers


def grain_of(metric: str) -> float:
    """How much one answer is apt to change of a metric's sum over answers: 1 for classes, 0 where that is unknown."""
    return 1.0 if metric in metrics.NAMES else 0.0


@dataclass(frozen=True)
class ScoreTable:
    """The gains (scores, higher is better) of C configurations on F = k·R folds; NaN where a fold was not trained.

    `numbers` [C] are the trials' numbers, `sizes` [F] the held-out examples of each fold (NaN: unknown), `splits` the
    folds k of one cross-validation; a fold of a further cross-validation that no configuration has is left out. `grain`
    is how much one answer is apt to change (:func:`grain_of`); with the sizes it says below what no difference can be
    measured where the answers themselves were not kept.
    """

    numbers: Sequence[int]
    scores: np.ndarray
    sizes: np.ndarray
    splits: int
    answers: Worths | None = None
    grain: float = 0.0

    def __post_init__(self) -> None:
        rows, folds = self.scores.shape
        if len(self.numbers) != rows or len(self.sizes) != folds:
            raise DataError(
                f"{rows} × {folds} scores of {len(self.numbers)} trials and {len(self.sizes)} folds",
                "have a row a trial and a column a fold",
                "give as many numbers as rows and as many sizes as columns",
            )
        if not self.trained.any(axis=1).all():
            raise DataError("a trial without any score", "cannot be compared", "leave it out of the table")
        if self.answers is not None and self.repeats > 1 and self.answers.example is None:
            raise DataError(
                f"answers of {self.repeats} cross-validations", "repeat the same examples", "say which with `example`"
            )
        if self.answers is not None and (np.isnan(self.answers.each) == self.trained[:, self.answers.fold]).any():
            raise DataError(
                "answers", "belong to the folds that have a score, and to all of them", "leave them out where some lack"
            )

    @property
    def trained(self) -> np.ndarray:
        """Which cells [C, F] have a score."""
        trained: np.ndarray = ~np.isnan(self.scores)
        return trained

    @property
    def whole(self) -> np.ndarray:
        """Which configurations [C] have every fold of the first cross-validation; the others were stopped before."""
        return np.asarray(self.trained[:, : self.splits].all(axis=1))

    @property
    def lacking(self) -> np.ndarray:
        """By how much what adds up over the folds of the first cross-validation is too small [C]: 1 of those whole."""
        lacking: np.ndarray = self.splits / np.maximum(self.trained[:, : self.splits].sum(axis=1), 1)
        return lacking

    @property
    def step(self) -> np.ndarray:
        """How much one answer moves each mean [C]; 0 where that is unknown."""
        answers = np.where(self.trained, np.asarray(self.sizes, float), 0).sum(axis=1) / self.repeats
        step: np.ndarray = np.nan_to_num(self.grain / answers)
        return step

    @property
    def rounding(self) -> float:
        """The variance that a fold's score has from moving in steps of one answer alone; 0 where they are unknown."""
        grain = self.grain if self.answers is None else self.answers.grain
        return float(np.nan_to_num((grain / np.mean(self.sizes)) ** 2 / 12))

    @property
    def repeats(self) -> int:
        """How many cross-validations the folds make, a begun one counted."""
        return -(-int(self.scores.shape[1]) // self.splits)
