"""The Pareto front: the configurations that no other one beats in every objective."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def pareto_front(frame: pd.DataFrame, objectives: Sequence[str], directions: Sequence[str]) -> pd.Series:
    """A mask over `frame`: True where no other row is as good in all objectives and better in one.

    A row with a missing objective is never on the front and dominates nothing; equal rows share the front.
    A result told again (`duplicate_of`) is no configuration of its own and stays out.
    """
    signs = np.array([{"minimize": 1.0, "maximize": -1.0}[d] for d in directions])
    costs = frame.reindex(columns=list(objectives)).to_numpy(float) * signs
    usable = ~np.isnan(costs).any(axis=1)
    if "duplicate_of" in frame:
        usable &= frame["duplicate_of"].isna().to_numpy()
    mask = np.zeros(len(frame), dtype=bool)
    mask[usable] = _undominated(costs[usable])
    return pd.Series(mask, index=frame.index)


def _undominated(costs: np.ndarray) -> np.ndarray:
    """True for each row that no other row dominates; all columns are minimized."""
    keep = np.ones(len(costs), dtype=bool)
    for i in np.lexsort(costs.T[::-1]):  # likely dominators first, so that most rows fall early
        if keep[i]:
            worse = (costs >= costs[i]).all(axis=1) & (costs > costs[i]).any(axis=1)
            keep &= ~worse
    return keep
