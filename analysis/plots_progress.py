"""How far the search had come after each trial: the front's hypervolume or, of one objective, the best value."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
import pandas as pd

from analysis.axes import amount, axis_of, with_unit
from analysis.plots import Plot, Series
from study.core.figures import MINIMIZE

FEWEST = 8  # trials whose progress is drawn; of fewer the tables tell as much
WIDE = 10.0  # costs that span more than this ratio count by ratio


def progress_plot(trials: pd.DataFrame, objectives: tuple[str, ...], directions: tuple[str, ...], metric: str) -> Plot:
    """What the trials up to each number had reached: of several objectives what share of the final front's hypervolume
    they cover, of one the best value; empty of few trials."""
    known = trials.dropna(subset=[o for o in objectives if o in trials]).sort_values("number")
    drawable = len(known) >= FEWEST and set(objectives) <= set(known.columns)
    if len(objectives) == 1:
        return _best_so_far(known if drawable else known[:0], objectives[0], directions[0], metric)
    series = _growth(known, objectives, directions) if drawable else ()
    caption = (
        "What the front of the trials so far dominates, as a share of what the final front does. Each objective runs "
        "from the worst of all trials to the best, costs that span more than tenfold by ratio."
    )
    title = "Hypervolume over trials"
    return Plot("hypervolume", title, caption, "trial", "share of the final front's (%)", series)


def _best_so_far(known: pd.DataFrame, name: str, direction: str, metric: str) -> Plot:
    """The best of the first one, two … trials in the one objective, as a curve."""
    axis = axis_of(name, known, metric)
    best = np.minimum.accumulate if direction == MINIMIZE else np.maximum.accumulate
    values = best(known[name].to_numpy(float) * axis.scale) if len(known) else np.empty(0)
    caption = "The best of the trials so far, as it was measured: the best of more trials is flattered the more."
    title = f"Best {axis.title} over trials"
    return Plot("progress", title, caption, "trial", with_unit(axis), _curve("best so far", known, values, axis.unit))


def _growth(known: pd.DataFrame, objectives: Sequence[str], directions: Sequence[str]) -> tuple[Series, ...]:
    """One series, none where the final front dominates nothing: where each of its trials is the worst in something."""
    losses = np.column_stack(
        [_losses(known[o].to_numpy(float), d) for o, d in zip(objectives, directions, strict=True)]
    )
    volumes = _volumes(losses)
    return _curve("front so far", known, 100 * (volumes / volumes[-1]), "%") if volumes[-1] > 0 else ()


def _curve(name: str, known: pd.DataFrame, values: np.ndarray, unit: str) -> tuple[Series, ...]:
    """A value after each trial; none of no trials."""
    numbers = tuple(map(float, known["number"]))
    hover = tuple(f"after trial {n:.0f}\n{amount(v)} {unit}".strip() for n, v in zip(numbers, values, strict=True))
    line = Series(name, numbers, tuple(values.tolist()), (nan,) * len(numbers), hover, "circle", True, 1)
    return (line,) if numbers else ()


def _volumes(losses: np.ndarray) -> np.ndarray:
    """The hypervolume [n] of the first one, two … of `losses` [n, objectives], which never falls."""
    from moocore import hypervolume

    front, volumes = losses[:0], np.zeros(len(losses))
    for i, point in enumerate(losses):
        if not (front <= point).all(axis=1).any():
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            volumes[i] = hypervolume(front, ref=1.0)
    return np.asarray(np.maximum.accumulate(volumes))


def _losses(values: np.ndarray, direction: str) -> np.ndarray:
    """The values from 0, the best of all, to 1, the worst."""
    if direction == MINIMIZE and values.min() > 0 and values.max() > WIDE * values.min():
        values = np.log(values)
    costs = values if direction == MINIMIZE else -values
    losses: np.ndarray = (costs - costs.min()) / ((costs.max() - costs.min()) or 1.0)
    return losses
