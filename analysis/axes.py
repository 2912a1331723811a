"""The figures that can stand on an axis: what a reader calls them, their unit and which way is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from study.core.alone import is_loaded
from study.core.figures import ALONE, COSTS, FIGURES, MAXIMIZE, SCORES, Direction

TITLES = {
    "params/trainable": "trained parameters", "params/adapter": "adapter parameters", "params/head": "head parameters",
    "params/total": "parameters in all", "params/stored": "stored parameters", "memory/train_bytes": "training memory",
    "memory/peak_bytes": "peak memory", "time/train_seconds": "training time", "speed/tokens_per_second": "speed",
    "latency/ms": "latency", "alone/peak_bytes": "peak memory alone", "alone/train_seconds": "training time alone",
    "alone/tokens_per_second": "speed alone", "alone/latency_ms": "latency alone",
}  # fmt: skip
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

    What was measured beside other trainings says so in its title.
    """
    rows = compared.to_dict("records")
    loaded = {name for name in ALONE if any(is_loaded(name, row) for row in rows)}
    known = [name for name in (*COSTS, *ALONE.values(), "score", *SCORES, "loss", "test/score") if name in compared]
    present = [name for name in known if name != metric and compared[name].notna().any()]
    order = sorted(present, key=lambda name: (name not in objectives, name not in COSTS))
    return tuple(_axis(name, metric, compared[name], " during the search" * (name in loaded)) for name in order)


def _axis(name: str, metric: str, values: pd.Series, when: str) -> Axis:
    figure = FIGURES[name]
    scale, unit = SCALES.get(figure.unit, (1.0, figure.unit))
    title = {"score": metric, "test/score": f"test {metric}"}.get(name, TITLES.get(name, name))
    positive = values.dropna()
    wide = name in COSTS and bool((positive > 0).all() and positive.max() > 5 * positive.min())
    return Axis(name, title + when, unit, scale, figure.direction, wide)


def better_is_higher(axis: Axis) -> bool:
    """Whether a larger number is the better one."""
    return axis.direction == MAXIMIZE


def amount(value: float) -> str:
    """The number as a reader sees it on an axis: ``22,700,000``, ``0.25``, without exponents above one."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"
