"""How far the search had come after each trial: the hypervolume of the front so far, or the best score."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd

from analysis.plots import Plot, Series
from study.core.figures import MINIMIZE
from study.core.pareto import hypervolume

FEWEST = 8  # trials whose progress is drawn; of fewer the tables tell as much
WIDE = 10.0  # costs that span more than this ratio count by ratio


def progress_plot(trials: pd.DataFrame, objectives: tuple[str, ...], directions: tuple[str, ...]) -> Plot:
    """What share of the final front's hypervolume the trials up to each number cover; empty but for two objectives."""
    known = trials.dropna(subset=[o for o in objectives if o in trials]).sort_values("number")
    drawable = len(objectives) == 2 and len(known) >= FEWEST and set(objectives) <= set(known.columns)
    series = _growth(known, objectives, directions) if drawable else ()
    caption = (
        "The area that the front of the trials so far dominates, of what the final front does. Each objective runs "
        "from the worst of all trials to the best, costs that span more than tenfold by ratio."
    )
    title = "Hypervolume over trials"
    return Plot("hypervolume", title, caption, "trial", "share of the final front's (%)", series)


def _growth(known: pd.DataFrame, objectives: tuple[str, ...], directions: tuple[str, ...]) -> tuple[Series, ...]:
    """One series, none where the final front dominates no area: where each of its trials is the worst in something."""
    losses = np.column_stack(
        [_losses(known[o].to_numpy(float), d) for o, d in zip(objectives, directions, strict=True)]
    )
    areas = _areas(losses)
    if areas[-1] <= 0:
        return ()
    shares = 100 * areas / areas[-1]
    numbers = tuple(map(float, known["number"]))
    hover = tuple(f"after trial {n:.0f}\n{share:.1f} %" for n, share in zip(numbers, shares, strict=True))
    return (Series("front so far", numbers, tuple(shares.tolist()), (nan,) * len(numbers), hover, "circle", True, 1),)


def _areas(losses: np.ndarray) -> np.ndarray:
    """The hypervolume [n] of the first one, two … of `losses` [n, 2]: what the front so far beats adds nothing."""
    front, areas = losses[:0], np.zeros(len(losses))
    for i, point in enumerate(losses):
        if (front <= point).all(axis=1).any():
            areas[i] = areas[i - 1]
            continue
        front = np.vstack([front[~(point <= front).all(axis=1)], point])
        areas[i] = hypervolume(front, (1.0, 1.0))
    return areas


def _losses(values: np.ndarray, direction: str) -> np.ndarray:
    """The values from 0, the best of all, to 1, the worst."""
    if direction == MINIMIZE and values.min() > 0 and values.max() > WIDE * values.min():
        values = np.log(values)
    costs = values if direction == MINIMIZE else -values
    losses: np.ndarray = (costs - costs.min()) / ((costs.max() - costs.min()) or 1.0)
    return losses
