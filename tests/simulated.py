"""Studies whose truth is known: scores and answers of configurations with shared hard examples and training noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import ndtri

from study.core.evidence.table import ScoreTable, Worths
from study.core.evidence.weighted import scores_under

SHARED = 0.8  # of an answer's variance, the share that lies in the example
SHARES = (0.5, 0.3, 0.2)  # of the classes, for macro-F1
METRICS = ("accuracy", "macro_f1", "rouge")


@dataclass(frozen=True)
class Study:
    """A table and the gains [C] that it would show on the mean of endlessly many studies."""

    table: ScoreTable
    truth: np.ndarray


def study(
    levels: np.ndarray,
    k: int,
    metric: str = "accuracy",
    seed: int = 0,
    examples: int = 600,
    training: float | np.ndarray = 0.01,
    overlap: bool = True,
    answers: bool = True,
) -> Study:
    """A study of C configurations that get `levels` [C] of their answers right (or are worth that much on average).

    `training` is the standard deviation of a fold's level, of one training or of each configuration's [C]; with
    `overlap` the folds' correlate by 1/k, as Nadeau and Bengio assume.
    """
    generator = np.random.default_rng(seed)
    rows, share = len(levels), 1 / k if overlap and k > 1 else 0.0
    moved = np.sqrt(share) * generator.standard_normal((rows, 1))
    moved = moved + np.sqrt(1 - share) * generator.standard_normal((rows, k))
    fold = np.arange(examples) % k
    level = (levels[:, None] + np.reshape(training, (-1, 1)) * moved)[:, fold]
    worths = _answers(level, fold, metric, generator)
    scores = np.empty((rows, k))
    for number in range(k):
        columns = np.flatnonzero(fold == number)
        scores[:, number] = scores_under(worths, columns, np.ones((len(columns), 1)))[:, 0]
    table = ScoreTable(range(rows), scores, np.bincount(fold), k, worths if answers else None)
    return Study(table, expected(levels, metric, examples // k))


def _answers(level: np.ndarray, fold: np.ndarray, metric: str, generator: np.random.Generator) -> Worths:
    examples = level.shape[1]
    noise = np.sqrt(1 - SHARED) * generator.standard_normal(level.shape)
    if metric == "rouge":
        hard = np.sqrt(SHARED) * (generator.gamma(2, size=examples) - 2) / np.sqrt(2)
        return Worths(fold, metric, worth=(level + 0.2 * (hard + noise)).astype(np.float32))
    right = np.sqrt(SHARED) * generator.standard_normal(examples) + noise < ndtri(np.clip(level, 1e-6, 1 - 1e-6))
    labels = generator.choice(len(SHARES), examples, p=SHARES)
    wrong = (labels + generator.integers(1, len(SHARES), right.shape)) % len(SHARES)
    return Worths(fold, metric, predicted=np.where(right, labels, wrong), labels=labels)


def expected(levels: np.ndarray, metric: str, size: int) -> np.ndarray:
    """The expected score [C] of a fold of `size` examples at each level; macro-F1 is no mean and depends on it."""
    if metric != "macro_f1":
        return np.asarray(levels, float)
    grid, values = _macro_f1(size)
    return np.interp(levels, grid, values)


@cache
def _macro_f1(size: int, draws: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """The expected macro-F1 at a grid of levels, by drawing tables of confusion."""
    generator, grid = np.random.default_rng(1), np.linspace(0.3, 1.0, 15)
    labels = generator.multinomial(size, SHARES, draws)
    values = []
    for level in grid:
        right = generator.binomial(labels, level)
        left = generator.binomial(labels - right, 0.5)  # of the wrong answers, those one class further
        predicted = right + np.roll(left, 1, axis=1) + np.roll(labels - right - left, 2, axis=1)
        support = labels + predicted
        f1 = np.where(support > 0, 2 * right / np.maximum(support, 1), 0)
        values.append(float((f1.sum(axis=1) / (support > 0).sum(axis=1)).mean()))
    return grid, np.polyval(np.polyfit(grid, values, 4), grid)
