"""How probable it is that a configuration adds to the front of gain and costs."""

from __future__ import annotations

import numpy as np


def adds_to_front(draws: np.ndarray, costs: np.ndarray, tolerance: float = 0.0) -> np.ndarray:
    """The probability [C] of a gain more than `tolerance` above the best among those that cost no more in every cost.

    `draws` [S, C] are true gains; `costs` [C, M] with M = 0 means among all others. With tolerance 0 it is the
    probability to be on the front. What has no rival adds with certainty; NaN where a cost or the draws are missing,
    and what lacks a cost is no rival.
    """
    rows = draws.shape[1]
    costs = np.asarray(costs, float).reshape(rows, -1)
    unknown = np.isnan(costs).any(axis=1) | np.isnan(draws).any(axis=0)
    probability = np.full(rows, np.nan)
    for row in np.flatnonzero(~unknown):
        rivals = (costs <= costs[row]).all(axis=1) & ~unknown
        rivals[row] = False
        probability[row] = exceeds(draws, int(row), np.flatnonzero(rivals), tolerance)
    return probability


def exceeds(draws: np.ndarray, row: int, rivals: np.ndarray, tolerance: float = 0.0) -> float:
    """The probability that a row's true gain is more than `tolerance` above that of every rival, given by their rows.

    1 where it has none; `draws` [S, C] are true gains.
    """
    if not len(rivals):
        return 1.0
    return float((draws[:, row] > draws[:, rivals].max(axis=1) + tolerance).mean())
