"""The numbers of the report's figures, apart from any drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import pandas as pd

from analysis import wording as w

SYMBOLS = ("circle", "diamond", "square", "triangle", "star")


@dataclass(frozen=True)
class Series:
    """Points of one kind; `errors` is parallel to `y`, NaN where unknown."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    errors: tuple[float, ...]
    hover: tuple[str, ...]
    symbol: str
    line: bool = False
    color: int = 0


@dataclass(frozen=True)
class Figure:
    """One figure; `name` is its file's name, `caption` says how to read it."""

    name: str
    title: str
    caption: str
    x_title: str
    y_title: str
    series: tuple[Series, ...]
    log_x: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(s.x for s in self.series)


def all_figures(compared: pd.DataFrame, on_front: pd.Series, metric: str) -> tuple[Figure, ...]:
    """The report's figures, in its order."""
    return (
        front_figure(compared, on_front, metric),
        rank_figure(compared, metric),
        lambda_figure(compared, metric),
        memory_figure(compared, metric),
    )


def front_figure(compared: pd.DataFrame, on_front: pd.Series, metric: str) -> Figure:
    """Score ± SE against trainable parameters; the front is a line, baselines are diamonds."""
    baseline = compared["baseline"].notna()
    x = "params/trainable"
    front = compared[on_front].sort_values(x)
    series = (
        _series("other trials", compared[~on_front & ~baseline], x, "circle", color=0),
        _series("front", front, x, "circle", line=True, color=1),
        _series("baselines", compared[baseline], x, "diamond", color=2),
    )
    caption = (
        "Further left is cheaper; the line joins the front. "
        "Bars are one standard error over folds. Diamonds are baselines."
    )
    return Figure("front", "Score against trained parameters", caption, "trained parameters", metric, series, True)


def rank_figure(compared: pd.DataFrame, metric: str) -> Figure:
    """Score against rank, one series a choice of layers and targets."""
    ranked = compared.dropna(subset="rank")
    groups = ranked.groupby(["kind", "targets", "layers"], sort=True)
    series = tuple(
        _series(" ".join(map(str, key)), part.sort_values("rank"), "rank", SYMBOLS[i % len(SYMBOLS)], color=i)
        for i, (key, part) in enumerate(groups)
    )
    caption = "Each colour is one method, target and choice of layers; several points at a rank differ in other knobs."
    return Figure("rank", "Score by rank", caption, "rank", metric, series, True)


def lambda_figure(compared: pd.DataFrame, metric: str) -> Figure:
    """Score against λ; trials without a distance term have no λ and no point."""
    weighed = compared[compared["lam"].notna()]
    series = tuple(
        _series(str(kind), part.sort_values("lam"), "lam", SYMBOLS[i % len(SYMBOLS)], color=i)
        for i, (kind, part) in enumerate(weighed.groupby("kind"))
    )
    without = len(compared) - len(weighed)
    caption = f"A smaller λ holds the adapter closer to its start. {w.plural(without, 'trial')} without λ not drawn."
    return Figure("lambda", "Score against λ", caption, "λ (weight of the task loss)", metric, series, True)


def memory_figure(compared: pd.DataFrame, metric: str) -> Figure:
    """Score against the memory of training."""
    series = tuple(
        _series(str(kind), part, "memory/train_mib", SYMBOLS[i % len(SYMBOLS)], color=i)
        for i, (kind, part) in enumerate(_in_mebibytes(compared).groupby("kind"))
    )
    caption = "Memory of one fold's training, model included, as measured by the engine."
    return Figure("memory", "Score against training memory", caption, "training memory (MiB)", metric, series)


def _in_mebibytes(compared: pd.DataFrame) -> pd.DataFrame:
    return compared.assign(**{"memory/train_mib": compared["memory/train_bytes"] / 2**20})


def _series(name: str, part: pd.DataFrame, x: str, symbol: str, line: bool = False, color: int = 0) -> Series:
    """The rows of `part` that have both coordinates."""
    part = part.dropna(subset=[x, "score"])
    hover = tuple(hover_text(row) for _, row in part.iterrows())
    x_values, y_values, errors = (tuple(map(float, part[column])) for column in (x, "score", "score_se"))
    return Series(name, x_values, y_values, errors, hover, symbol, line, color)


def hover_text(row: pd.Series) -> str:
    """What a pointed-at configuration is and costs, a line each."""
    lines = (
        w.text(row["label"]),
        f"score {w.with_se(row['score'], row['score_se'])}",
        f"rank {w.short(row['rank'])} · λ {w.short(row['lam'])} · {w.text(row['targets'])} · {w.text(row['layers'])}",
        f"{w.count(row['params/trainable'])} trained parameters",
        f"memory {w.mebibytes(row['memory/train_bytes'])} · time {w.seconds(row['time/train_seconds'])}",
    )
    return "\n".join(lines)


def finite(values: Sequence[float]) -> list[float | None]:
    """The values with None for NaN, as JSON and plotly want them."""
    return [v if isfinite(v) else None for v in values]
