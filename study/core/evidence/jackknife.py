"""What each answer contributes to a metric that is no mean of them: its pseudo-value (Quenouille 1956, Tukey 1958)."""

from __future__ import annotations

import numpy as np

from study.core import metrics


def pseudo_values(metric: str, predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The pseudo-values [n] of answers, classes `predicted` [n] against `labels` [n], whose mean is the metric itself.

    n·s − (n − 1)·s₋ᵢ, where s₋ᵢ is the metric without answer i, moved so that their mean is s and not s less its bias.
    Answers of the same two classes have the same value, so that the metric is asked once for each such pair.
    """
    n = len(labels)
    score = metrics.score(metric, predicted, labels)
    if n < 2:
        return np.full(n, score)
    both = np.stack([predicted, labels])
    _, first, kinds = np.unique(both, axis=1, return_index=True, return_inverse=True)
    without = np.array([metrics.score(metric, np.delete(predicted, i), np.delete(labels, i)) for i in first])
    values = (n * score - (n - 1) * without)[kinds.reshape(-1)]
    moved: np.ndarray = values + (score - values.mean())
    return moved


def worths(metric: str, predicted: np.ndarray, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The pseudo-values [C, M] of C configurations' answers (−1 where not trained: NaN), fold by fold [M]."""
    values = np.full(predicted.shape, np.nan)
    for column in np.unique(fold):
        here = fold == column
        for row in np.flatnonzero((predicted[:, here] >= 0).all(axis=1)):
            values[row, here] = pseudo_values(metric, predicted[row, here], labels[here])
    return values
