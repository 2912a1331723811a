"""The figures that can stand on an axis: what a reader calls them, their unit and which way is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd

from analysis.costs import with_costs_alone
from study.core.alone import LOAD, is_loaded, number_in
from study.core.figures import ALONE, COSTS, FIGURES, MAXIMIZE, SCORES, Direction, costs_of

TITLES = {
    "params/trainable": "trained parameters", "params/adapter": "adapter parameters", "params/head": "head parameters",
    "params/total": "parameters in all", "params/stored": "stored parameters", "memory/train_bytes": "training memory",
    "memory/peak_bytes": "peak memory", "time/train_seconds": "training time", "speed/tokens_per_second": "speed",
    "latency/ms": "latency",
}  # fmt: skip
WIDE = 5.0  # values that span more than this ratio may be drawn by ratio: two of 1, 2, 5, 10 … are among them
SCALES = {"bytes": (2.0**-20, "MiB"), "numbers": (1.0, "")}  # unit → factor and the unit that is shown


@dataclass(frozen=True)
class Axis:
    """A figure as it is drawn: the recorded number times `scale`, in `unit`."""

    name: str
    title: str
    unit: str
    scale: float
    direction: Direction
    log: bool


def axes_of(compared: pd.DataFrame, objectives: Sequence[str], metric: str) -> tuple[Axis, ...]:
    """The figures that some trial has: the study's own objectives first, costs before scores, then all others.

    A cost is one figure, as measured alone where it was, and its title says when it was measured.
    """
    first = list(dict.fromkeys([*costs_of(objectives), *objectives]))
    values = with_costs_alone(compared)
    known = [name for name in (*first, *COSTS, "score", *SCORES, "loss", "test/score") if name in values]
    present = [name for name in dict.fromkeys(known) if name != metric and values[name].notna().any()]
    return tuple(axis_of(name, compared, metric) for name in present)


def axis_of(name: str, compared: pd.DataFrame, metric: str) -> Axis:
    """The axis of one figure, whether or not a trial has it."""
    figure, values = FIGURES[name], with_costs_alone(compared).reindex(columns=[name])[name].dropna()
    scale, unit = SCALES.get(figure.unit, (1.0, figure.unit))
    title = {"score": metric, "test/score": f"test {metric}"}.get(name, TITLES.get(name, name))
    wide = name in COSTS and bool((values > 0).all() and values.max() > WIDE * values.min())
    return Axis(name, title + _circumstances(name, compared), unit, scale, figure.direction, wide)


def _circumstances(name: str, compared: pd.DataFrame) -> str:
    """When a cost was measured, as a title goes on; empty where that makes no difference."""
    if name not in ALONE:
        return ""
    figures = compared.reindex(columns=[name, ALONE[name], *LOAD])
    rows = figures.dropna(how="all", subset=[name, ALONE[name]]).to_dict("records")
    alone = sum(not isnan(number_in(row, ALONE[name])) for row in rows)
    if alone:
        return " alone" if alone == len(rows) else " alone or loaded"
    return " during the search" * any(is_loaded(name, row) for row in rows)


def with_unit(axis: Axis) -> str:
    """The title of an axis with its unit."""
    return f"{axis.title} ({axis.unit})" if axis.unit else axis.title


def better_is_higher(axis: Axis) -> bool:
    """Whether a larger number is the better one."""
    return axis.direction == MAXIMIZE


def shorten(value: float) -> float:
    """The number in 7 digits; a whole one as it is."""
    return value if value.is_integer() else float(f"{value:.7g}")


def amount(value: float) -> str:
    """The number as a reader sees it on an axis: ``22,700,000``, ``0.25``, without exponents above one."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"
