"""A fold's scores under weights of its examples: what the bootstrap computes thousands of times."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from study.core.evidence.table import Worths


def scores_under(answers: Worths, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The scores [C, B] on the answers in `columns` [n], each weighted by `weights` [n, B] ≥ 0.

    A mean metric gives the weighted mean, NaN where all weights are 0; macro-F1 equals scikit-learn's with those
    `sample_weight` on the answers whose weight is not 0. A configuration not trained on the fold has NaN.
    """
    if answers.is_mean:
        with np.errstate(invalid="ignore", divide="ignore"):
            means: np.ndarray = (answers.each[:, columns] @ weights) / weights.sum(axis=0)
        return means
    assert answers.predicted is not None
    assert answers.labels is not None
    labels = answers.labels[columns]
    scores = np.full((len(answers.predicted), weights.shape[1]), np.nan)
    for row, predicted in enumerate(answers.predicted[:, columns]):
        if (predicted >= 0).all():
            scores[row] = weighted_macro_f1(predicted, labels, weights)
    return scores


def weighted_macro_f1(predicted: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The macro-F1 [B] of classes [n] under each column of `weights` [n, B]; NaN where all are 0."""
    classes, both = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
    labels, predicted = both[: len(labels)], both[len(labels) :]
    support = sums_by(labels, weights, len(classes)) + sums_by(predicted, weights, len(classes))
    right = sums_by(labels, weights * (labels == predicted)[:, None], len(classes))
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(support > 0, 2 * right / support, 0.0)
        mean: np.ndarray = f1.sum(axis=0) / (support > 0).sum(axis=0)
    return mean


def sums_by(labels: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """The sums [count, B] of the rows of `values` [n, B] that share a label [n], an integer below `count`."""
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    sums = np.zeros((count, values.shape[1]))
    sums[present] = np.add.reduceat(values[order], starts, axis=0)
    return sums


def columns_by_fold(answers: Worths, folds: int) -> Iterator[tuple[int, np.ndarray]]:
    """Every fold with answers, and the columns that they are in."""
    for fold in range(folds):
        columns = np.flatnonzero(answers.fold == fold)
        if len(columns):
            yield fold, columns
