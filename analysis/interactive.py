"""Draws a Plot as interactive HTML with plotly."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from analysis.plots import Plot, Series, finite_or_none

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLORS = ("#8a94a6", "#0b6bcb", "#d9480f", "#2b8a3e", "#9c36b5", "#b08900", "#0c8599", "#c2255c")
_SYMBOLS = {"triangle": "triangle-up"}


def plotly_script() -> str:
    """plotly.js itself, to be inlined once a page."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def to_html(plot: Plot) -> str:
    """A <div> that draws the plot; the page must hold plotly.js."""
    place = f"figure-{plot.name}"
    return str(
        to_plotly(plot).to_html(full_html=False, include_plotlyjs=False, div_id=place, config={"displaylogo": False})
    )


def to_plotly(plot: Plot) -> go.Figure:
    """The plot's numbers, unchanged, as a plotly figure."""
    import plotly.graph_objects as go

    drawn = go.Figure([_trace(s) for s in plot.series if s.x])
    drawn.update_layout(
        template="plotly_white", height=430, margin={"l": 60, "r": 20, "t": 20, "b": 55}, hovermode="closest",
        showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        font={"family": "system-ui, sans-serif", "size": 13}, hoverlabel={"align": "left"},
    )  # fmt: skip
    axis: dict[str, object] = {"type": "log", "dtick": "D1" if _narrow(plot) else None} if plot.log_x else {}
    if plot.name == "rank":  # ranks are few: each is its own tick
        axis |= {"tickvals": sorted({x for s in plot.series for x in s.x}), "dtick": None}
    drawn.update_xaxes(title=plot.x_title, **axis)
    drawn.update_yaxes(title=escape(plot.y_title))
    return drawn


def _narrow(plot: Plot) -> bool:
    """Whether the values span so little that powers of ten alone would leave the axis bare."""
    values = [x for s in plot.series for x in s.x]
    return bool(values) and max(values) < 30 * min(values)


def _trace(series: Series) -> go.Scatter:
    import plotly.graph_objects as go

    color = COLORS[series.color % len(COLORS)]
    dash = "dash" if series.dashed else "solid"
    mode = "lines" if series.dashed else "lines+markers" if series.line else "markers"
    return go.Scatter(
        name=escape(series.name), x=list(series.x), y=list(series.y), mode=mode,
        error_y={"type": "data", "array": finite_or_none(series.errors), "thickness": 1.2, "width": 3},
        marker={"symbol": _SYMBOLS.get(series.symbol, series.symbol), "size": 10, "color": color},
        line={"color": color, "width": 2, "shape": "hv", "dash": dash}, hoverinfo="text",
        hovertext=[escape(h).replace("\n", "<br>") for h in series.hover],
    )  # fmt: skip
