"""Draws a Plot as SVG, PNG or PDF with matplotlib: for papers, for slides, and for a page that runs no scripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import singledispatch
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.interactive import COLORS, band_opacity, narrow
from analysis.maps import Map
from analysis.marks import without_mathematics
from analysis.plots import Plot, Series
from analysis.printed_map import draw_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

# The same numbers give the same file.
SETTINGS: dict[str, dict[str, Any]] = {
    "svg": {"metadata": {"Date": None}},
    "png": {"dpi": 150},
    "pdf": {"metadata": {"CreationDate": None}},
}
INK, FAINT = "#1c2330", "#5d6778"  # of texts and of lines
LARGE = 1e4  # from which an axis has numbers with thousands apart
TICKS = 12  # ranks that an axis has room for
MANY = 400  # points of a series above which they are one image in an SVG, which has no room for each
_MARKERS = {"circle": "o", "diamond": "D", "square": "s", "triangle": "^", "star": "*"}


def save(plot: Plot | Map, folder: Path, kinds: Sequence[str]) -> None:
    """Write <folder>/<name>.<kind> for each of the kinds: svg (its text is text), png or pdf."""
    with _style(plot.name):
        canvas = _canvas(plot)
        canvas.axes[0].set_title(without_mathematics(plot.title))  # in a page, the heading above the figure says it
        for kind in kinds:
            canvas.savefig(folder / f"{plot.name}.{kind}", **SETTINGS[kind])


def inline_svg(plot: Plot | Map) -> str:
    """An <svg> element to stand in a page: its colours are the page's, and no id of it is another drawing's."""
    file = StringIO()
    with _style(plot.name):
        _canvas(plot).savefig(file, format="svg", transparent=True, **SETTINGS["svg"])
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text[text.index("<svg") :], flags=re.S)
    # A text between the tags stays as it is: in it, < and > are escaped.
    return re.sub(r"<[^>]*>", lambda tag: _in_page(tag[0], f"{plot.name}-"), text)


def _in_page(tag: str, prefix: str) -> str:
    """A tag of a drawing as it stands in a page, with the page's variables for its colours and the page's font."""
    if tag.startswith("<image"):
        return tag
    names = {color: f"var(--series-{i})" for i, color in enumerate(COLORS)}
    names |= {INK: "var(--ink)", FAINT: "var(--dim)", "#ffffff": "var(--panel)"}
    tag = re.sub(r'(?<=\bid=")|(?<=url\(#)|(?<=href="#)', prefix, tag)
    tag = re.sub("|".join(names), lambda color: names[color[0]], tag)
    tag = re.sub(r" font-family: [^;\"]*;", "", tag)
    tag = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag)  # of units that are pixels
    # Of a size in points, the drawing would not shrink to a phone.
    return re.sub(r' (?:width|height)="[^"]*"', "", tag) if tag.startswith("<svg") else tag


def _style(salt: str) -> Any:
    import matplotlib

    return matplotlib.rc_context({
        "svg.fonttype": "none", "svg.hashsalt": salt, "pdf.fonttype": 42, "text.color": INK, "axes.labelcolor": INK,
        "axes.edgecolor": FAINT, "xtick.color": FAINT, "ytick.color": FAINT, "xtick.labelcolor": INK,
        "ytick.labelcolor": INK, "font.size": 10,
    })  # fmt: skip


def _canvas(plot: Plot | Map) -> Canvas:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(7.2, 4.4), layout="constrained")
    FigureCanvasAgg(canvas)  # no pyplot: no window, no global state
    _draw(plot, canvas.add_subplot())
    return canvas


@singledispatch
def _draw(plot: Plot | Map, axes: Axes) -> None:
    raise TypeError(f"{plot} is no plot")


_draw.register(Map, draw_map)


@_draw.register(Plot)
def _(plot: Plot, axes: Axes) -> None:
    for series in plot.series:
        if series.x:
            _draw_series(axes, series, band_opacity(plot))
    if plot.empty:
        axes.text(0.5, 0.5, "no trial has these numbers", ha="center", transform=axes.transAxes)
    elif plot.by_ratio:
        _draw_log_axis(axes, plot)
    else:
        _draw_plain_axis(axes)
    if plot.ticks:
        axes.minorticks_off()
        axes.set_xticks([x for x, _ in plot.ticks], [without_mathematics(name) for _, name in plot.ticks])
    axes.set(xlabel=without_mathematics(plot.x_title), ylabel=without_mathematics(plot.y_title))
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if len([series for series in plot.series if series.x]) > 1:
        axes.legend(frameon=False, fontsize=9)


def _draw_log_axis(axes: Axes, plot: Plot) -> None:
    """A logarithmic axis with plain numbers; few values are each their own tick."""
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(_tick))
    values = sorted({x for s in plot.series if not s.dashed for x in s.x if isfinite(x)})
    if plot.name == "rank" and len(values) <= TICKS:
        axes.set_xticks(values)
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(FuncFormatter(_tick) if narrow(plot) else NullFormatter())


def _draw_plain_axis(axes: Axes) -> None:
    """An axis whose numbers are whole, however large: neither a power of ten nor what is to be added stands apart."""
    from matplotlib.ticker import StrMethodFormatter

    if max(map(abs, axes.get_xlim())) >= LARGE:
        axes.locator_params("x", nbins=6)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.yaxis.get_major_formatter().set_useOffset(False)  # type: ignore[attr-defined]


def _tick(x: float, _: int) -> str:
    return f"{x:,.0f}" if x >= 1 and x == round(x) else f"{x:g}"


def _draw_series(axes: Axes, series: Series, opacity: float) -> None:
    color = COLORS[series.color % len(COLORS)]
    if series.dashed:
        axes.plot(
            series.x, series.y, linestyle="--", color=color, linewidth=1.2, label=without_mathematics(series.name)
        )
        return
    if series.bars:
        _draw_bars(axes, series, color)
        return
    if series.band is not None:
        _draw_band(axes, series, series.band, color, opacity)
        return
    if series.mark:
        axes.plot(
            series.x, series.y, _MARKERS[series.symbol], color=color, markersize=11, zorder=3,
            label=without_mathematics(series.name),
        )  # fmt: skip
        return
    axes.errorbar(
        series.x, series.y, yerr=series.errors, fmt=_MARKERS[series.symbol], color=color, capsize=2,
        elinewidth=1, label=without_mathematics(series.name), rasterized=len(series.x) > MANY,
    )  # fmt: skip
    if series.line:
        axes.step(series.x, series.y, where="pre" if series.early else "post", color=color, linewidth=1.5)


def _draw_band(
    axes: Axes, series: Series, band: tuple[Sequence[float], Sequence[float]], color: str, opacity: float
) -> None:
    axes.fill_between(series.x, *band, color=color, alpha=opacity, linewidth=0)
    axes.plot(series.x, series.y, color=color, linewidth=1.6, label=without_mathematics(series.name))


def _draw_bars(axes: Axes, series: Series, color: str) -> None:
    ends = None
    if series.band is not None:
        ends = [[abs(end - y) for end, y in zip(side, series.y, strict=True)] for side in series.band]
    axes.bar(
        series.x, series.y, 0.6, bottom=series.base, yerr=ends, color=color, capsize=2,
        label=without_mathematics(series.name),
    )  # fmt: skip
