"""The numbers of the report's plots, apart from any drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from analysis.axes import WIDE
from study.core import formatting as fmt
from study.core.alone import cost_of_trial

SYMBOLS = ("circle", "diamond", "square", "triangle", "star")
DRAWN = 2000  # points that a plot draws without thinning them out
COLUMNS, ROWS = 90, 45  # of cells of about a marker's size
HOVERED = ("label", "score", "score_se", "rank", "lam", "targets", "layers", "params/trainable", "memory/train_bytes",
           "time/train_seconds", "alone/train_seconds", "alone/train_seconds_iqr", "alone/others", "pack/members",
           "pack/workers", "latency/ms", "alone/latency_ms", "alone/latency_ms_iqr")  # fmt: skip


@dataclass(frozen=True)
class Series:
    """Points of one kind; `errors` is parallel to `y`, NaN where unknown.

    With a `band`, its low and its high end at each x, they are a curve. With `bars` they are as high as their y, from
    `base` on where that is given.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    errors: tuple[float, ...]
    hover: tuple[str, ...]
    symbol: str
    line: bool = False
    color: int = 0
    dashed: bool = False  # a level without points of its own
    band: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    bars: bool = False
    base: tuple[float, ...] | None = None
    mark: bool = False  # on a point of another series
    early: bool = False  # its line has the value of the point to its right, not of that to its left


@dataclass(frozen=True)
class Plot:
    """One plot; `name` is its file's name, `caption` says how to read it; `ticks` name places of its x axis."""

    name: str
    title: str
    caption: str
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    log_x: bool = False
    ticks: tuple[tuple[float, str], ...] = ()

    @property
    def places(self) -> tuple[float, ...]:
        """Where its points lie along x."""
        return tuple(x for series in self.series for x in series.x if isfinite(x))

    @property
    def by_ratio(self) -> bool:
        """Whether its x axis is logarithmic: as it is meant to be, unless its values span so little that such an axis
        has no round number on it."""
        return self.log_x and bool(self.places) and 0 < WIDE * min(self.places) < max(self.places)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(isfinite(x) and isfinite(y) for s in self.series for x, y in zip(s.x, s.y, strict=True))


def rank_plot(compared: pd.DataFrame, metric: str) -> Plot:
    """Score against rank, one series a choice of layers and targets."""
    by = ["kind", "targets", "layers"]
    ranked, note = thin_out(compared.dropna(subset="rank"), "rank", by, log_x=True)
    groups = ranked.groupby(by, sort=True)
    series = tuple(
        series_of(" ".join(map(str, key)), part.sort_values("rank"), "rank", SYMBOLS[i % len(SYMBOLS)], color=i)
        for i, (key, part) in enumerate(groups)
    )
    caption = "Each colour is one method, target and choice of layers; several points at a rank differ in other knobs."
    several = int(compared["rank_pattern"].notna().sum())
    if several:
        caption += f" {fmt.plural(several, 'trial')} with several ranks not drawn."
    return Plot("rank", "Score by rank", caption + note, "rank", metric, series, True)


def lambda_plot(compared: pd.DataFrame, metric: str) -> Plot:
    """Score against λ; trials without a distance term have no λ and no point."""
    weighed = compared[compared["lam"].notna()]
    drawn, note = thin_out(weighed, "lam", ["kind"], log_x=True)
    series = tuple(
        series_of(str(kind), part.sort_values("lam"), "lam", SYMBOLS[i % len(SYMBOLS)], color=i)
        for i, (kind, part) in enumerate(drawn.groupby("kind"))
    )
    without = len(compared) - len(weighed)
    caption = f"A smaller λ holds the adapter closer to its start. {fmt.plural(without, 'trial')} without λ not drawn."
    return Plot("lambda", "Score against λ", caption + note, "λ (weight of the task loss)", metric, series, True)


def memory_plot(compared: pd.DataFrame, metric: str) -> Plot:
    """Score against the memory of training."""
    x = "memory/train_mib"
    drawn, note = thin_out(_in_mebibytes(compared), x, ["kind"])
    series = tuple(
        series_of(str(kind), part, x, SYMBOLS[i % len(SYMBOLS)], color=i)
        for i, (kind, part) in enumerate(drawn.groupby("kind"))
    )
    caption = "Memory of one fold's training, model included, as measured by the engine."
    return Plot("memory", "Score against training memory", caption + note, "training memory (MiB)", metric, series)


def thin_out(part: pd.DataFrame, x: str, by: Sequence[str] = (), log_x: bool = False) -> tuple[pd.DataFrame, str]:
    """The rows to draw, and a sentence on those left out: of many points, the first of each series in each cell.

    A cell is about as large as a marker, so what is left out would lie on what is drawn. Few points stay as they are.
    """
    points = part.dropna(subset=[x, "score"])
    if len(points) <= DRAWN:
        return part, ""
    cells = points[list(by)].assign(
        column=_cells(np.log10(points[x]) if log_x else points[x], COLUMNS), row=_cells(points["score"], ROWS)
    )
    drawn = points[~cells.duplicated()]
    note = f" {len(drawn):,} of {len(points):,} points are drawn: the others would lie on these. trials.csv has all."
    return drawn, note


def jitter(numbers: np.ndarray) -> np.ndarray:
    """A place from −1 to 1 for each trial's number: multiples of the golden ratio spread evenly, however many."""
    return np.asarray(2 * (numbers * 0.618034 % 1) - 1)


def _cells(values: pd.Series, count: int) -> np.ndarray:
    """Which of `count` equal parts of the values' range each lies in."""
    low, high = values.min(), values.max()
    return np.asarray(np.floor(((values - low) / ((high - low) or 1.0) * count).to_numpy()))


def _in_mebibytes(compared: pd.DataFrame) -> pd.DataFrame:
    return compared.assign(**{"memory/train_mib": compared["memory/train_bytes"] / 2**20})


def series_of(name: str, part: pd.DataFrame, x: str, symbol: str, line: bool = False, color: int = 0) -> Series:
    """The rows of `part` that have both coordinates."""
    part = part.dropna(subset=[x, "score"])
    hover = tuple(map(hover_text, part.reindex(columns=list(HOVERED)).to_dict("records")))
    x_values, y_values, errors = (tuple(map(float, part[column])) for column in (x, "score", "score_se"))
    return Series(name, x_values, y_values, errors, hover, symbol, line, color)


def hover_text(row: Mapping[Any, Any]) -> str:
    """What a pointed-at configuration is and costs, a line each."""
    rank, lam = fmt.short(row["rank"]), fmt.short(row["lam"])
    lines = (
        fmt.text(row["label"]),
        f"score {fmt.with_se(row['score'], row['score_se'])}",
        f"rank {rank} · λ {lam} · {fmt.text(row['targets'])} · {fmt.text(row['layers'])}",
        f"{fmt.count(row['params/trainable'])} trained parameters",
        f"memory {fmt.mebibytes(row['memory/train_bytes'])} · time {cost_of_trial('time/train_seconds', row).text}",
    )
    latency = cost_of_trial("latency/ms", row)
    return "\n".join(lines) + f" · latency {latency.text}" * (not fmt.missing(latency.value))


def finite_or_none(values: Sequence[float]) -> list[float | None]:
    """The values with None for NaN, as JSON and plotly want them."""
    return [v if isfinite(v) else None for v in values]
