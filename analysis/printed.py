"""Draws a Plot as SVG or PNG with matplotlib, for papers and slides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.interactive import COLORS
from analysis.maps import Map
from analysis.plots import Plot, Series
from analysis.printed_map import draw_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The same numbers give the same file.
SETTINGS: dict[str, dict[str, Any]] = {"svg": {"metadata": {"Date": None}}, "png": {"dpi": 150}}
_MARKERS = {"circle": "o", "diamond": "D", "square": "s", "triangle": "^", "star": "*"}


def save(plot: Plot | Map, folder: Path, kinds: Sequence[str]) -> None:
    """Write <folder>/<name>.<kind> for each of the kinds, svg or png."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(7.2, 4.4), layout="constrained")
    FigureCanvasAgg(canvas)  # no pyplot: no window, no global state
    _draw(plot, canvas.add_subplot())
    with matplotlib.rc_context({"svg.hashsalt": plot.name}):  # else the names inside are drawn at random
        for kind in kinds:
            canvas.savefig(folder / f"{plot.name}.{kind}", **SETTINGS[kind])


@singledispatch
def _draw(plot: Plot | Map, axes: Axes) -> None:
    raise TypeError(f"{plot} is no plot")


_draw.register(Map, draw_map)


@_draw.register(Plot)
def _(plot: Plot, axes: Axes) -> None:
    for series in plot.series:
        if series.x:
            _draw_series(axes, series)
    if plot.empty:
        axes.text(0.5, 0.5, "no trial has these numbers", ha="center", transform=axes.transAxes)
    elif plot.log_x:
        axes.set_xscale("log")
    if plot.ticks:
        axes.minorticks_off()
        axes.set_xticks([x for x, _ in plot.ticks], [_plain(name) for _, name in plot.ticks])
    axes.set(title=_plain(plot.title), xlabel=_plain(plot.x_title), ylabel=_plain(plot.y_title))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if not plot.empty:
        axes.legend(frameon=False, fontsize=9)


def _draw_series(axes: Axes, series: Series) -> None:
    color = COLORS[series.color % len(COLORS)]
    if series.dashed:
        axes.plot(series.x, series.y, linestyle="--", color=color, linewidth=1.2, label=_plain(series.name))
        return
    if series.band is not None:
        _draw_band(axes, series, series.band, color)
        return
    axes.errorbar(
        series.x, series.y, yerr=series.errors, fmt=_MARKERS[series.symbol], color=color, capsize=2,
        elinewidth=1, label=_plain(series.name),
    )  # fmt: skip
    if series.line:
        axes.step(series.x, series.y, where="post", color=color, linewidth=1.5)


def _draw_band(axes: Axes, series: Series, band: tuple[Sequence[float], Sequence[float]], color: str) -> None:
    if series.bars:
        ends = [[abs(end - y) for end, y in zip(side, series.y, strict=True)] for side in band]
        axes.bar(series.x, series.y, 0.6, yerr=ends, color=color, capsize=2, label=_plain(series.name))
        return
    axes.fill_between(series.x, *band, color=color, alpha=0.2, linewidth=0)
    axes.plot(series.x, series.y, color=color, linewidth=1.6, label=_plain(series.name))


def _plain(text: str) -> str:
    """The text with no mathematics in it: a name may hold a dollar sign, such as a regular expression's."""
    return text.replace("$", r"\$")
