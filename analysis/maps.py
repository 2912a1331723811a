"""Two knobs at once: the score at each pair of their values, with the trials it was told from."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from analysis.effects import Effects
from analysis.plots import jitter
from analysis.runs import score_text
from analysis.settings import name_of
from study.core import formatting as fmt
from study.core.surface.effects import Interaction, Surface
from study.core.surface.knobs import Knob

SHOWN = (("method.rank", "method.lam"), ("method.rank", "method.layers"))  # wherever both are searched
CLEAR = 0.02  # of the variance: a pair that surely adds more is shown too
JITTER = 0.3  # of a cell, so that trials of the same choice can be seen apart


@dataclass(frozen=True)
class Map:
    """Cells [rows][columns]; `name` is its file's name, `caption` says how to read it.

    Places on the axes are counted in cells, from 0 at the first one's middle: of the ticks, and of `points`, which are
    trials: x, y and what a reader sees of each.
    """

    name: str
    title: str
    caption: str
    x_title: str
    y_title: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    cells: tuple[tuple[float, ...], ...]
    hover: tuple[tuple[str, ...], ...]
    points: tuple[tuple[float, float, str], ...]
    z_title: str = "score"

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.known

    @property
    def known(self) -> tuple[float, ...]:
        """The numbers of the cells that have one."""
        return tuple(value for row in self.cells for value in row if isfinite(value))


def maps_of(effects: Effects, metric: str) -> tuple[Map, ...]:
    """Rank × λ, rank × layers, and every pair of which the data say that it is more than its two parts."""
    if effects.surface is None:
        return ()
    return tuple(_map(effects, pair, metric) for pair in shown(effects.surface))


def shown(surface: Surface) -> tuple[Interaction, ...]:
    """The pairs of a surface that are drawn, in its order."""
    wanted = [set(keys) for keys in SHOWN]
    return tuple(
        pair for pair in surface.interactions if {pair.first.key, pair.second.key} in wanted or pair.share.low > CLEAR
    )


def _map(effects: Effects, pair: Interaction, metric: str) -> Map:
    x, y = pair.first, pair.second
    scores = (effects.sign * pair.mean).T
    names = tuple(map(x.name, x.shown)), tuple(map(y.name, y.shown))
    titles = name_of(x.key), name_of(y.key)
    hover = tuple(
        tuple(
            f"{titles[0]} {names[0][j]} · {titles[1]} {names[1][i]}\n{metric} {fmt.number(scores[i, j])}, "
            f"standard error {fmt.number(pair.sd[j, i])}"
            for j in range(len(names[0]))
        )
        for i in range(len(names[1]))
    )
    share = pair.share
    caption = (
        "The average over what the other keys were; dots are trials. What the pair adds to its two effects explains "
        f"{share.mean:.0%} of the variance between trials (95 % interval {share.low:.0%} to {share.high:.0%})."
    )
    name = "map_" + "_".join("".join(c if c.isalnum() else "-" for c in knob.key) for knob in (x, y))
    cells = tuple(map(tuple, scores.tolist()))
    title = f"Effect of {titles[0]} and {titles[1]} together"
    points = _points(effects, x, y, metric)
    return Map(name, title, caption, *titles, _ticks(x), _ticks(y), cells, hover, points, metric)


def _points(effects: Effects, x: Knob, y: Knob, metric: str) -> tuple[tuple[float, float, str], ...]:
    """Where each trial lies that has both keys."""
    numbers = effects.trials["number"].to_numpy()
    across, up = _places(x, numbers), _places(y, numbers[::-1])
    texts = [f"{row['label']}\n{metric} {score_text(row)}" for row in effects.trials.to_dict("records")]
    there = x.there & y.there
    return tuple((float(a), float(b), text) for a, b, text, has in zip(across, up, texts, there, strict=True) if has)


def _places(knob: Knob, numbers: np.ndarray) -> np.ndarray:
    """The trials' values in cells: a little beside them where each cell is a value of its own."""
    exact = np.isin(knob.values[knob.there], knob.shown).all()
    return _in_cells(knob, knob.values) + (JITTER * jitter(numbers) if exact else 0)


def _ticks(knob: Knob) -> tuple[tuple[float, str], ...]:
    return tuple(zip(_in_cells(knob, knob.ticks).tolist(), map(knob.name, knob.ticks), strict=True))


def _in_cells(knob: Knob, values: np.ndarray) -> np.ndarray:
    """Where values lie, counted in the knob's shown ones."""
    at, shown_at = (np.log(v) if knob.log else v for v in (values, knob.shown))
    return np.asarray(np.interp(at, shown_at, np.arange(len(knob.shown))))
