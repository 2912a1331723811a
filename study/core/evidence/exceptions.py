"""Which configurations' trainings vary as no other's do: those that diverged, mostly."""

from __future__ import annotations

import numpy as np

LEVEL = 0.01  # of all studies of equal variances, the share in which some configuration is taken for an exception
ROUNDS = 10  # in which configurations' means and folds' medians settle
NOTHING = 1e-12  # of the largest mean square, which arithmetic alone may bring
FEWEST = 4  # configurations of which one can be told from the others


def outliers(rest: np.ndarray, left: np.ndarray, least: np.ndarray | float = 0.0) -> np.ndarray:
    """Which configurations' square sums [C] on `left` [C] degrees of freedom the others cannot explain.

    F tests, Bonferroni over C. They are held against the smaller half of all mean squares, brought to the size that a
    half has, so that several diverged configurations do not hide each other, and each never against less than its
    `least` ([C], or of all), which the examples explain. Where most do not differ at all, nothing says what is usual,
    and nobody is an exception.
    """
    from scipy.special import fdtri

    able = left > 0.5
    if able.sum() < FEWEST:
        return np.zeros(len(able), bool)
    freedom = np.where(able, left, 1)
    mean = np.where(able, rest / freedom, np.nan)
    typical = np.maximum(np.nanmedian(mean / _median_of_chi_square(freedom)), least)
    if np.max(typical) <= NOTHING * np.nanmax(mean):
        return np.zeros(len(able), bool)
    others = np.maximum(0.6 * (freedom[able].sum() - freedom), 1)
    limit = fdtri(freedom, others, 1 - LEVEL / able.sum())
    outliers: np.ndarray = np.nan_to_num(mean, nan=0.0) > limit * typical
    return outliers


def robust_squares(scores: np.ndarray, left: np.ndarray) -> np.ndarray:
    """The square sums [C] of what is left of scores [C, F] beside each configuration's mean and the folds' medians.

    A median heeds no single configuration, however far off it is. Those with no degree of freedom `left` [C] have no
    say, and 0; scores that are NaN were not trained.
    """
    able = left > 0.5
    squares = np.zeros(len(scores))
    if able.sum() < FEWEST:
        return squares
    cells = scores[able]
    folds = np.zeros(cells.shape[1])
    trained = ~np.isnan(cells).all(axis=0)
    median = np.nanmedian if np.isnan(cells).any() else np.median
    for _ in range(ROUNDS):
        before, rows = folds - folds.mean(), np.nanmean(cells - folds, axis=1, keepdims=True)
        folds[trained] = median((cells - rows)[:, trained], axis=0)
        if np.allclose(folds - folds.mean(), before, rtol=0, atol=1e-12):
            break
    squares[able] = np.nansum((cells - rows - folds) ** 2, axis=1)
    return squares


def _median_of_chi_square(freedom: np.ndarray) -> np.ndarray:
    """The median [C] of a mean square of variance 1 on each `freedom` [C]."""
    from scipy.special import chdtri

    median: np.ndarray = chdtri(freedom, 0.5) / freedom
    return median
