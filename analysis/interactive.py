"""A Plot as plotly draws it in a page."""

from __future__ import annotations

import math
from functools import singledispatch
from html import escape
from typing import TYPE_CHECKING, Any

from analysis.axes import amount, shorten
from analysis.interactive_map import map_to_plotly
from analysis.maps import Map
from analysis.marks import as_html
from analysis.plots import Plot, Series, finite_or_none

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLORS = ("#6b7688", "#0b6bcb", "#d9480f", "#2b8a3e", "#9c36b5", "#8f6d00", "#0c8599", "#c2255c")
# The same on a dark page, in the same order.
LIGHT_COLORS = ("#98a3b5", "#5aa9f5", "#ff8a5c", "#69c97f", "#d58cec", "#dbb93f", "#4cc4d6", "#f783ac")
FEW_POWERS = 300  # a span with so few powers of ten that 2 and 5 times them are ticks too
CROWDED = 500  # points
_SYMBOLS = {"triangle": "triangle-up"}


def drawing_of(plot: Plot | Map) -> dict[str, Any]:
    """The plot as plain JSON for plotly.js: numbers as :func:`shorten` has them.

    Points of a crowded series, whose bars would cover one another, have none and are named alone when pointed at.
    """
    drawing = to_plotly(plot).to_plotly_json()
    for trace in drawing["data"]:
        if "error_y" in trace and len(trace["x"]) > CROWDED:
            trace["hovertext"] = [text.partition("<br>")[0] for text in trace["hovertext"]]
            del trace["error_y"]
    return dict(_round_floats(drawing))


@singledispatch
def to_plotly(plot: Plot | Map) -> go.Figure:
    """The plot's numbers, unchanged, as a plotly figure."""
    raise TypeError(f"{plot} is no plot")


to_plotly.register(Map, map_to_plotly)


@to_plotly.register(Plot)
def _(plot: Plot) -> go.Figure:
    import plotly.graph_objects as go

    shown = [series for series in plot.series if series.x]
    curves = [series for series in shown if series.band and not series.bars]
    bands = [_band(series, band_opacity(plot)) for series in curves]
    others = [_trace(series) for series in shown if series not in curves]
    drawn = go.Figure([*others, *bands, *map(_trace, curves)])  # no band covers another's line
    drawn.update_layout(
        template="none", height=430, margin={"l": 60, "r": 20, "t": 20, "b": 55}, hovermode="closest",
        showlegend=len(plot.series) > 1, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        font={"family": "system-ui, sans-serif", "size": 13}, hoverlabel={"align": "left"}, barmode="overlay",
    )  # fmt: skip
    axis: dict[str, object] = {"type": "log"} if plot.by_ratio else {}
    if plot.name == "rank":  # ranks are few: each is its own tick
        axis |= {"tickvals": sorted({*plot.places})}
    elif plot.by_ratio and max(plot.places) < FEW_POWERS * min(plot.places):
        axis |= {"tickvals": (ticks := round_ticks(plot)), "ticktext": [amount(x) for x in ticks]}
    if plot.ticks:
        axis |= {"tickvals": [x for x, _ in plot.ticks], "ticktext": [escape(name) for _, name in plot.ticks]}
    drawn.update_xaxes(title=escape(plot.x_title), automargin=True, **axis)
    drawn.update_yaxes(title=escape(plot.y_title), automargin=True)
    return drawn


def narrow(plot: Plot) -> bool:
    """Whether the values span so little that powers of ten alone would leave the axis bare."""
    return bool(plot.places) and max(plot.places) < 30 * min(plot.places)


def round_ticks(plot: Plot) -> list[float]:
    """1, 2 and 5 times the powers of ten among the values: plotly itself would call 200 a 2."""
    low, high = min(plot.places), max(plot.places)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{digit}e{power}") for power in powers for digit in (1, 2, 5)]
    return [tick for tick in ticks if low <= tick <= high]


def band_opacity(plot: Plot) -> float:
    """How much of what lies below a band it covers: less where there are several."""
    return 0.2 if len([series for series in plot.series if series.band]) < 3 else 0.1


def _band(series: Series, opacity: float) -> go.Scatter:
    """The area between the ends of a curve's band."""
    import plotly.graph_objects as go

    low, high = series.band or ((), ())
    return go.Scatter(
        x=[*series.x, *reversed(series.x)], y=[*high, *reversed(low)], fill="toself", opacity=opacity, mode="lines",
        fillcolor=COLORS[series.color % len(COLORS)], line={"width": 0}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip


def _round_floats(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _round_floats(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_round_floats(value) for value in data]
    return shorten(data) if isinstance(data, float) else data


def _whiskers(series: Series) -> dict[str, Any] | None:
    """How far the band of bars reaches above and below them."""
    if series.band is None:
        return None
    low, high = ([abs(end - y) for end, y in zip(ends, series.y, strict=True)] for ends in series.band)
    return {"type": "data", "array": high, "arrayminus": low}


def _trace(series: Series) -> go.Scatter | go.Bar:
    import plotly.graph_objects as go

    color = COLORS[series.color % len(COLORS)]
    hover = [as_html(h) for h in series.hover]
    if series.bars:
        return go.Bar(
            name=escape(series.name), x=list(series.x), y=list(series.y), marker={"color": color}, hoverinfo="text",
            hovertext=hover, width=0.6, base=list(series.base) if series.base else None, error_y=_whiskers(series),
        )  # fmt: skip
    dash = "dash" if series.dashed else "solid"
    curve = series.band is not None
    shape = "linear" if curve else "vh" if series.early else "hv"
    mode = "lines" if series.dashed or curve else "lines+markers" if series.line else "markers"
    return go.Scatter(
        name=escape(series.name), x=list(series.x), y=list(series.y), mode=mode,
        error_y={"type": "data", "array": finite_or_none(series.errors), "thickness": 1.2, "width": 3},
        marker={"symbol": _SYMBOLS.get(series.symbol, series.symbol), "size": 10 + 6 * series.mark, "color": color},
        line={"color": color, "width": 2, "shape": shape, "dash": dash}, hoverinfo="text",
        hovertext=hover,
    )  # fmt: skip
