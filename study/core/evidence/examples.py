"""What the choice of examples does to the scores: exact for means, resampled for macro-F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.core.evidence.additive import Additive
from study.core.evidence.table import ScoreTable, Worths
from study.core.evidence.weighted import columns_by_fold, scores_under, sums_by

DRAWS = 400
ROUNDING = 1e-12  # of what is squared, which arithmetic alone may leave of equal answers


def noise(table: ScoreTable, count: int = DRAWS, seed: int = 0) -> np.ndarray:
    """How the scores [C, F, B] move when the examples are drawn anew; NaN where not trained, 0 without answers.

    The Bayesian bootstrap (Rubin 1981): exponential weights, one for each group of examples, kept over repeats. Its
    variance is too small by (n − 1)/(n + 1) in a fold of n groups, which is put right.
    """
    shape = (*table.scores.shape, count)
    answers = table.answers
    if answers is None:
        return np.zeros(shape)
    moves = np.full(shape, np.nan)
    weights = np.random.default_rng(seed).exponential(size=(answers.cluster.max() + 1, count))
    for fold, columns in columns_by_fold(answers, shape[1]):
        groups = len(np.unique(answers.cluster[columns]))
        scores = scores_under(answers, columns, weights[answers.cluster[columns]])
        scores -= scores.mean(axis=1, keepdims=True)
        moves[:, fold] = scores * np.sqrt((groups + 1) / max(groups - 1, 1))
    return moves


def covariance(table: ScoreTable, fit: Additive, moves: np.ndarray) -> np.ndarray:
    """The covariance [C, C] of the configurations' means over examples, `moves` being those of :func:`noise`.

    Configurations answer the same examples, so that two with nearly the same answers differ by nearly nothing.
    No difference has less variance than one answer of its own (one group's) would give it.
    """
    answers = table.answers
    rows = len(table.numbers)
    if answers is None:
        return np.zeros((rows, rows))
    shared = _of_means(table, answers, fit) if answers.is_mean else np.cov(fit.means(moves)).reshape(rows, rows)
    least = np.eye(rows) * (answers.grain / (answers.cluster.max() + 1)) ** 2 / 2
    whole: np.ndarray = shared + least
    return whole


def _of_means(table: ScoreTable, answers: Worths, fit: Additive) -> np.ndarray:
    """The covariance by the influence of every group: its sum over the group's answers, centered in each fold."""
    units, maps = answers.cluster.max() + 1, fit.maps()
    influence = np.zeros((units, len(table.numbers)))
    for fold, columns in columns_by_fold(answers, len(maps)):
        worth = np.nan_to_num(answers.each[:, columns])
        moved = maps[fold] @ (worth - worth.mean(axis=1, keepdims=True)) / len(columns)
        influence += sums_by(answers.cluster[columns], moved.T, units)
    shared: np.ndarray = influence.T @ influence * units / max(units - table.splits, 1)
    return shared


@dataclass(frozen=True)
class PairLimits:
    """Of every two configurations [C, C]: the least variance of their difference, and what its estimate is worth.

    `floor` is Σδ²/N² of the N answers' differences δ (d/N² where d of N answers differ), which no estimate goes
    below. `freedom` is that of Satterthwaite by the fourth moment, 2/(Σδ⁴/(Σδ²)² − 1/N), about 2d: of a difference
    that hangs on few answers the variance itself is hardly known. `unlike` is the mean of δ² over the answers that both
    gave, however few these are where one was stopped; where there are none it is that of other pairs.
    """

    floor: np.ndarray
    freedom: np.ndarray
    unlike: np.ndarray


def pairs(table: ScoreTable) -> PairLimits:
    """The :class:`PairLimits` of a table; without answers no floor, and nothing to be unsure of."""
    rows, answers = len(table.numbers), table.answers
    if answers is None:
        nothing = np.zeros((rows, rows))
        return PairLimits(nothing, np.full((rows, rows), np.inf), nothing)
    worth, seen = _by_unit(answers)
    both, size = seen @ seen.T, worth**2 @ seen.T
    second = _moment(worth, seen, (1.0, -2.0, 1.0))
    second = np.where(second > ROUNDING * (size + size.T), second, 0.0)
    fourth = _moment(worth, seen, (1.0, -4.0, 6.0, -4.0, 1.0))
    share = np.where(second > 0, fourth / np.where(second > 0, second, 1) ** 2, 0)
    unsure = share - 1 / np.maximum(both, 1)
    freedom = np.where(unsure > 0, 2 / np.where(unsure > 0, unsure, 1), np.inf)
    return PairLimits(second / answers.examples**2, freedom, _per_answer(second, both))


def _per_answer(second: np.ndarray, both: np.ndarray) -> np.ndarray:
    """The mean of δ² [C, C] over the answers that both gave; where there are none, that of all pairs together."""
    typical = second.sum() / max(float(both.sum() - np.trace(both)), 1.0)
    return np.asarray(np.where(both > 0, second / np.maximum(both, 1), typical))


def _by_unit(answers: Worths) -> tuple[np.ndarray, np.ndarray]:
    """Each configuration's worth of every group [C, U], means over repeats of an example; which it answered [C, U]."""
    answered = ~np.isnan(answers.each)
    counts = sums_by(answers.identity, answered.T.astype(float), answers.examples)
    means = sums_by(answers.identity, np.nan_to_num(answers.each).T, answers.examples) / np.maximum(counts, 1)
    _, first = np.unique(answers.identity, return_index=True)
    unit = answers.cluster[first]
    grouped = sums_by(unit, np.hstack([means, counts > 0]), answers.cluster.max() + 1)
    rows = means.shape[1]
    return grouped[:, :rows].T, (grouped[:, rows:] > 0).astype(float).T


def _moment(worth: np.ndarray, seen: np.ndarray, binomial: tuple[float, ...]) -> np.ndarray:
    """Σ(x − y)^p [C, C] over the groups that both rows answered, p + 1 signed binomial coefficients given."""
    power = len(binomial) - 1
    terms = (factor * (worth ** (power - i) * seen) @ (worth**i * seen).T for i, factor in enumerate(binomial))
    total: np.ndarray = np.maximum(sum(terms, np.zeros((len(worth), len(worth)))), 0)
    return total
