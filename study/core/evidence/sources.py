"""Two sources of error, estimated apart: the examples that were held out, and the trainings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from study.core.evidence.additive import Additive, fit
from study.core.evidence.examples import PairLimits, covariance, noise, pairs
from study.core.evidence.exceptions import outliers, robust_squares
from study.core.evidence.table import ScoreTable
from study.core.threads import one_thread


@dataclass(frozen=True)
class Estimates:
    """The means of C configurations and how they may be wrong.

    `examples` [C, C] is the covariance over examples. That over trainings is `trainings` = variance · `unit` +
    `exceptional`, [C, C] each: `rest` is the mean square of score − configuration − fold on `freedom` degrees of
    freedom, of which `explained` comes from the examples, so that variance = max(0, rest − explained).
    `exceptions` are the configurations (rows) that keep a variance of their own, on `exceptional_freedom` [C].
    `lasting` [2, C] is what of the diagonals of `unit` and of `exceptional` no further cross-validation lessens.
    `whole` [C] are those that have every fold of the first cross-validation, and may be chosen. `repeats`
    cross-validations of `splits` folds lie behind it. Everything that depends on the rest is NaN where no
    fold is left to measure it (`freedom` 0).
    """

    numbers: tuple[int, ...]
    means: np.ndarray
    examples: np.ndarray
    unit: np.ndarray
    exceptional: np.ndarray
    rest: float
    explained: float
    freedom: int
    exceptions: tuple[int, ...]
    exceptional_freedom: np.ndarray
    pairs: PairLimits
    repeats: int
    splits: int
    lasting: np.ndarray
    whole: np.ndarray

    @property
    def variance(self) -> float:
        """Of one training, beyond what the examples explain; never below 0."""
        return max(0.0, self.rest - self.explained) if self.freedom else np.nan

    @property
    def trainings(self) -> np.ndarray:
        """The covariance [C, C] of the means over trainings."""
        trainings: np.ndarray = self.variance * self.unit + self.exceptional
        return trainings

    @property
    def apart(self) -> np.ndarray:
        """What of `trainings` [C, C] differs from fold to fold, and more of them lessen."""
        common = self.variance * self.lasting[0] + self.lasting[1]
        apart: np.ndarray = self.trainings - np.diag(common)
        return apart

    @property
    def covariance(self) -> np.ndarray:
        """The covariance [C, C] of the means, examples and trainings together."""
        covariance: np.ndarray = self.examples + self.trainings
        return covariance

    def redrawn(self, scale: float) -> np.ndarray:
        """The covariance [C, C] had the rest's mean square been `scale` times as large."""
        trainings = max(0.0, self.rest * scale - self.explained) * self.unit + self.exceptional
        covariance: np.ndarray = self.examples + trainings
        return covariance


@one_thread()
def estimate(table: ScoreTable) -> Estimates:
    """Both sources of a table, fold effects removed, so that configurations with fewer folds are compared fairly.

    score = configuration + fold + rest by least squares; the rest of all configurations and folds together gives one
    variance on about (C − 1)(F − 1) degrees of freedom instead of F − 1 for each pair. The training sets of k folds
    overlap, so that a mean over R cross-validations has variance × (1/(R·k) + 1/(k − 1)) (Nadeau and Bengio 2003;
    Bouckaert and Frank 2004): what the same examples do to every training is not lessened by more of them.
    """
    moves = noise(table)
    model, squares = _settle(table, moves)
    pooled = ~squares.exceptional
    freedom = float(squares.left[pooled].sum())
    rest = squares.rest[pooled].sum() / freedom if freedom > 0.5 else np.nan
    explained = squares.explained[pooled].sum() / freedom if freedom > 0.5 else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(pooled, 0.0, np.maximum(0, (squares.rest - squares.explained) / squares.left))
    variances = np.stack([pooled.astype(float), each])
    unit, exceptional = (spread(model, table.splits, variance) for variance in variances)
    trainings = np.diag(np.maximum(0.0, rest - explained) * unit + exceptional)
    return Estimates(
        numbers=tuple(int(number) for number in table.numbers),
        means=model.means(np.where(table.trained, table.scores, 0.0)),
        examples=covariance(table, model, moves) + _level(table, model, rest) + _least(table, trainings),
        unit=unit, exceptional=exceptional,
        rest=float(rest), explained=float(explained), freedom=round(freedom),
        exceptions=tuple(int(row) for row in np.flatnonzero(~pooled)), exceptional_freedom=squares.left,
        pairs=pairs(table), repeats=table.repeats, splits=table.splits,
        lasting=variances / (table.splits - 1) if table.splits > 1 else np.zeros_like(variances),
        whole=table.whole,
    )  # fmt: skip


@dataclass(frozen=True)
class _Squares:
    """Of each configuration [C]: its residuals' square sum, what examples explain of it, its degrees of freedom."""

    rest: np.ndarray
    explained: np.ndarray
    left: np.ndarray
    exceptional: np.ndarray


def _settle(table: ScoreTable, moves: np.ndarray) -> tuple[Additive, _Squares]:
    """The fit in which configurations with a variance of their own count for as much as they are worth.

    It starts from residuals that no exception spoils, since least squares would hand its own down to all others.
    """
    plain = fit(table.trained)
    left, by_examples = plain.left(), _squares_of(plain, moves)
    rest, least = robust_squares(table.scores, left), np.maximum(table.rounding, by_examples / np.maximum(left, 1))
    exceptional = outliers(rest, left, least)
    first = bool(exceptional.any())
    while True:
        model = fit(table.trained, _weights(rest, left, exceptional)) if exceptional.any() else plain
        rest, left = (model.residuals(table.scores) ** 2).sum(axis=1), model.left()
        outlying = outliers(rest, left, least)
        more = outlying if first else exceptional | outlying
        if not first and (more == exceptional).all():
            explained = by_examples if model is plain else _squares_of(model, moves)
            return model, _Squares(rest, explained, left, exceptional)
        exceptional, first = more, False


def _squares_of(model: Additive, moves: np.ndarray) -> np.ndarray:
    """What the examples' `moves` bring to each configuration's square sum [C]."""
    squares: np.ndarray = (model.residuals(moves) ** 2).sum(axis=1).mean(axis=-1)
    return squares


def _weights(rest: np.ndarray, left: np.ndarray, exceptional: np.ndarray) -> np.ndarray:
    """1 for each configuration [C], the exceptional ones less, by how much more their squares are than the others'."""
    pooled = rest[~exceptional].sum() / left[~exceptional].sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(exceptional, np.minimum(1, pooled * left / rest), 1.0)


def spread(model: Additive, splits: int, variance: np.ndarray) -> np.ndarray:
    """The covariance [C, C] of the means where one training of each configuration varies by `variance` [C].

    What all folds share, since they are trained on the same examples, adds variance/(k − 1) to their mean.
    """
    maps = model.maps()
    total = np.einsum("fij,j,fkj->ik", maps, variance, maps, optimize=True)
    if splits > 1:
        together = maps.sum(axis=0)
        total = total + (together * variance / (splits - 1)) @ together.T
    result: np.ndarray = total
    return result


def _level(table: ScoreTable, model: Additive, rest: float) -> Any:
    """Without answers, what all configurations share: how the folds' own difficulty varies beyond the rest."""
    if table.answers is not None or len(table.numbers) == 1 or not rest >= 0:
        return 0.0
    _, folds = model.coefficients(np.where(table.trained, table.scores, 0.0))
    beyond = float(np.var(folds, ddof=1)) - rest * float(np.mean(1 / table.trained.sum(axis=0)))
    return max(0.0, beyond) / len(folds)


def _least(table: ScoreTable, variance: np.ndarray) -> Any:
    """Without answers, what the variances [C] over trainings lack of that which one answer of each would give it."""
    if table.answers is not None:
        return 0.0
    return np.diag(np.maximum(0, table.step**2 / 2 - np.nan_to_num(variance, nan=np.inf)))
