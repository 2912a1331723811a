"""Two sources of error, estimated apart: the examples that were held out, and the trainings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from study.core.evidence.additive import Additive, fit
from study.core.evidence.examples import PairLimits, covariance, noise, pairs
from study.core.evidence.table import ScoreTable
from study.core.threads import one_thread

LEVEL = 0.01  # of all studies of equal variances, the share in which some configuration is taken for an exception


@dataclass(frozen=True)
class Estimates:
    """The means of C configurations and how they may be wrong.

    `examples` [C, C] is the covariance over examples. That over trainings is `trainings` = variance · `unit` +
    `exceptional`, [C, C] each: `rest` is the mean square of score − configuration − fold on `freedom` degrees of
    freedom, of which `explained` comes from the examples, so that variance = max(0, rest − explained).
    `exceptions` are the configurations (rows) that keep a variance of their own, on `exceptional_freedom` [C].
    `lasting` [2, C] is what of the diagonals of `unit` and of `exceptional` no further cross-validation lessens.
    `repeats` cross-validations of `splits` folds lie behind it. Everything that depends on the rest is NaN where no
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
    )  # fmt: skip


@dataclass(frozen=True)
class _Squares:
    """Of each configuration [C]: its residuals' square sum, what examples explain of it, its degrees of freedom."""

    rest: np.ndarray
    explained: np.ndarray
    left: np.ndarray
    exceptional: np.ndarray


def _settle(table: ScoreTable, moves: np.ndarray) -> tuple[Additive, _Squares]:
    """The fit in which configurations with a variance of their own count for as much as they are worth."""
    weight, exceptional = np.ones(len(table.numbers)), np.zeros(len(table.numbers), bool)
    while True:
        model = fit(table.trained, weight)
        rest = (model.residuals(table.scores) ** 2).sum(axis=1)
        explained = (model.residuals(moves) ** 2).sum(axis=1).mean(axis=-1)
        squares = _Squares(rest, explained, model.left(), exceptional)
        more = exceptional | _outliers(squares)
        if (more == exceptional).all():
            return model, squares
        exceptional = more
        pooled = rest[~exceptional].sum() / squares.left[~exceptional].sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            weight = np.where(exceptional, np.minimum(1, pooled * squares.left / rest), 1.0)


def _outliers(squares: _Squares) -> np.ndarray:
    """Which configurations' mean squares [C] the others cannot explain: F tests, Bonferroni over C.

    They are held against the smaller half of all mean squares, brought to the size that a half has, so that several
    diverged configurations do not hide each other.
    """
    from scipy.special import fdtri

    able = squares.left > 0.5
    if able.sum() < 4:
        return np.zeros(len(able), bool)
    mean = np.where(able, squares.rest / np.where(able, squares.left, 1), np.nan)
    freedom = np.where(able, squares.left, 1)
    typical = np.nanmedian(mean / _median_of_chi_square(freedom))
    others = np.maximum(0.6 * (freedom[able].sum() - freedom), 1)
    limit = fdtri(freedom, others, 1 - LEVEL / able.sum())
    outliers: np.ndarray = np.nan_to_num(mean, nan=0.0) > limit * typical
    return outliers


def _median_of_chi_square(freedom: np.ndarray) -> np.ndarray:
    """The median [C] of a mean square of variance 1 on each `freedom` [C]."""
    from scipy.special import chdtri

    median: np.ndarray = chdtri(freedom, 0.5) / freedom
    return median


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
