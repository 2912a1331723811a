"""The Pareto front: the configurations that no other one beats in every objective."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.core.figures import MINIMIZE, Direction


def undominated_mask(points: np.ndarray, directions: Sequence[Direction]) -> np.ndarray:
    """A mask over `points` [n, objectives]: True where no other is as good in all objectives and better in one.

    A point with a missing value (NaN) is never on the front and dominates nothing; equal points share the front.
    """
    costs = points * np.array([1.0 if direction == MINIMIZE else -1.0 for direction in directions])
    keep: np.ndarray = ~np.isnan(costs).any(axis=1)
    for i in np.lexsort(costs.T[::-1]):  # likely dominators first, so that most points fall early
        if keep[i]:
            worse = (costs >= costs[i]).all(axis=1) & (costs > costs[i]).any(axis=1)
            keep &= ~worse
    return keep


def pareto_front(frame: pd.DataFrame, objectives: Sequence[str], directions: Sequence[Direction]) -> pd.Series:
    """A mask over `frame`, a row a trial: :func:`undominated_mask` of the objectives' columns; a column
    may be absent.

    A result told again (`duplicate_of`) is no configuration of its own and stays out.
    """
    points = frame.reindex(columns=list(objectives)).to_numpy(float, copy=True)
    if "duplicate_of" in frame:
        points[frame["duplicate_of"].notna().to_numpy()] = np.nan
    return pd.Series(undominated_mask(points, directions), index=frame.index)
