"""Studies whose truth is known: scores and answers of configurations with shared hard examples and training noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    table = _scored(worths, rows, k, k)
    return Study(table if answers else replace(table, answers=None), expected(levels, metric, examples // k))


def repeated_study(
    levels: np.ndarray, k: int, repeats: int, metric: str = "accuracy", seed: int = 0, examples: int = 600,
    training: float = 0.01,
) -> Study:  # fmt: skip
    """A study of which every configuration has that many cross-validations, each with folds of its own.

    The levels of all trainings of a configuration correlate by 1/k, whichever cross-validation they belong to; half
    of what an answer varies by beyond its example stays with configuration and example, half is each training's.
    """
    generator = np.random.default_rng(seed)
    rows, share = len(levels), 1 / k
    fold = np.concatenate([generator.permutation(np.arange(examples) % k) + k * r for r in range(repeats)])
    moved = np.sqrt(share) * generator.standard_normal((rows, 1))
    moved = moved + np.sqrt(1 - share) * generator.standard_normal((rows, k * repeats))
    level = (levels[:, None] + training * moved)[:, fold]
    kept = np.tile(generator.standard_normal((rows, examples)), repeats)
    noise = np.sqrt((1 - SHARED) / 2) * (kept + generator.standard_normal(level.shape))
    if metric == "rouge":
        hard = np.sqrt(SHARED) * (generator.gamma(2, size=examples) - 2) / np.sqrt(2)
        worths = Worths(fold, metric, worth=level + 0.2 * (np.tile(hard, repeats) + noise))
    else:
        hard = np.tile(np.sqrt(SHARED) * generator.standard_normal(examples), repeats)
        labels = np.tile(generator.choice(len(SHARES), examples, p=SHARES), repeats)
        wrong = (labels + generator.integers(1, len(SHARES), level.shape)) % len(SHARES)
        right = hard + noise < ndtri(np.clip(level, 1e-6, 1 - 1e-6))
        worths = Worths(fold, metric, predicted=np.where(right, labels, wrong), labels=labels)
    worths = replace(worths, example=np.tile(np.arange(examples), repeats))
    table = _scored(worths, rows, k * repeats, k)
    return Study(table, expected(levels, metric, examples // k))


def family_study(
    levels: np.ndarray, members: int, k: int = 5, seed: int = 0, examples: int = 240, alike: float = 0.99
) -> Study:
    """A study of families, one a level, of as many configurations each, as where λ or a layer more changes little.

    What an answer varies by beyond its example is the family's to the share `alike`; at 1 all of a family are copies.
    """
    generator = np.random.default_rng(seed)
    families = len(levels)
    shared = generator.standard_normal((families, 1, examples))
    apart = generator.standard_normal((families, members, examples))
    noise = np.sqrt(1 - SHARED) * (np.sqrt(alike) * shared + np.sqrt(1 - alike) * apart)
    right = np.sqrt(SHARED) * generator.standard_normal(examples) + noise < ndtri(levels)[:, None, None]
    labels = generator.integers(0, 2, examples)
    predicted = np.where(right, labels, 1 - labels).reshape(families * members, examples)
    worths = Worths(np.arange(examples) % k, "accuracy", predicted=predicted, labels=labels)
    return Study(_scored(worths, families * members, k, k), np.repeat(levels, members))


def reveal(table: ScoreTable, trained: np.ndarray) -> ScoreTable:
    """The table had only the cells `trained` [C, F] been trained, without the folds that nobody trained."""
    answers, columns = table.answers, np.flatnonzero(trained.any(axis=0))
    assert answers is not None
    shown, unseen = np.isin(answers.fold, columns), ~trained[:, answers.fold]
    parts = {"fold": answers.fold[shown], "example": None if answers.example is None else answers.example[shown]}
    if answers.worth is not None:
        parts["worth"] = np.where(unseen, np.nan, answers.worth)[:, shown]
    else:
        assert answers.predicted is not None
        assert answers.labels is not None
        parts |= {"predicted": np.where(unseen, -1, answers.predicted)[:, shown], "labels": answers.labels[shown]}
    scores = np.where(trained, table.scores, np.nan)[:, columns]
    return replace(table, scores=scores, sizes=table.sizes[columns], answers=replace(answers, **parts))


def _scored(worths: Worths, rows: int, folds: int, k: int) -> ScoreTable:
    """The table of those answers."""
    scores = np.empty((rows, folds))
    for number in range(folds):
        columns = np.flatnonzero(worths.fold == number)
        scores[:, number] = scores_under(worths, columns, np.ones((len(columns), 1)))[:, 0]
    return ScoreTable(range(rows), scores, np.bincount(worths.fold), k, worths)


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
