"""A mean for every trial that can be compared with any other's, though they were scored on different folds."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

GUESS = 0.3  # of the gains' standard deviation: the error of a mean of which nothing is known
TURNS = 50


@dataclass(frozen=True)
class Means:
    """Gains [C] without their folds' ease, their relative precisions [C], and the `error` of one of precision 1."""

    gains: np.ndarray
    precisions: np.ndarray
    error: float


def comparable_means(gains: np.ndarray, errors: np.ndarray | None = None) -> Means:
    """Means of `gains` [C, F], NaN where a fold was not trained, or of means [C] as they are.

    `errors` [C] are standard errors that are better known than from a trial's own folds; without them a mean is as
    precise as its number of folds, and its error is pooled over all trials.
    """
    means, counts, error = _without_folds(gains) if gains.ndim == 2 else (gains, np.ones(len(gains)), nan)
    if errors is not None:
        usual = float(np.median(errors))
        return Means(means, (usual / errors) ** 2, usual)
    return Means(means, counts / counts.max(), error if error > 0 else GUESS * float(means.std()))


def _without_folds(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The means, how many folds each trial has, and the error of the mean of most folds.

    Trial and fold are taken out in turn until both have settled, as least squares do.
    """
    folds = np.zeros(scores.shape[1])
    for _ in range(TURNS):
        means = np.nanmean(scores - folds, 1)
        folds = np.nanmean(scores - means[:, None], 0)
        folds -= folds.mean()
    counts = (~np.isnan(scores)).sum(1)
    free = int(counts.sum()) - sum(scores.shape) + 1
    left = float(np.nansum((scores - folds - means[:, None]) ** 2))
    return means, counts, sqrt(left / free / counts.max()) if free > 0 else nan
