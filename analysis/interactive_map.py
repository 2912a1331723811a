"""Draws a Map as interactive HTML with plotly: a rectangle a cell, which its smallest bundle can draw."""

from __future__ import annotations

from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

from analysis.maps import Map
from analysis.marks import as_html

if TYPE_CHECKING:
    import plotly.graph_objects as go

SCALE = "Cividis"  # read alike by people who see no red or green


def map_to_plotly(plot: Map) -> go.Figure:
    """The cells with a colour bar, and the trials as dots over them."""
    import plotly.graph_objects as go

    drawn = go.Figure([_cells(plot), _points(plot)])
    drawn.update_layout(
        template="plotly_white", height=430, margin={"l": 60, "r": 20, "t": 20, "b": 55}, hovermode="closest",
        shapes=_rectangles(plot), showlegend=False, font={"family": "system-ui, sans-serif", "size": 13},
        hoverlabel={"align": "left"},
    )  # fmt: skip
    drawn.update_xaxes(title=escape(plot.x_title), **_axis(plot.x_ticks, len(plot.cells[0])))
    drawn.update_yaxes(title=escape(plot.y_title), **_axis(plot.y_ticks, len(plot.cells)))
    return drawn


def _axis(ticks: tuple[tuple[float, str], ...], count: int) -> dict[str, Any]:
    return {
        "tickvals": [place for place, _ in ticks], "ticktext": [escape(name) for _, name in ticks],
        "range": [-0.5, count - 0.5], "showgrid": False, "zeroline": False,
    }  # fmt: skip


def _rectangles(plot: Map) -> list[dict[str, Any]]:
    from plotly.colors import sample_colorscale

    low, span = min(plot.known), (max(plot.known) - min(plot.known)) or 1.0
    colors = sample_colorscale(SCALE, [(value - low) / span for value in plot.known])
    places = [(j, i) for i, row in enumerate(plot.cells) for j, value in enumerate(row) if isfinite(value)]
    return [
        {
            "type": "rect", "x0": j - 0.5, "x1": j + 0.5, "y0": i - 0.5, "y1": i + 0.5, "fillcolor": color,
            "line": {"width": 1, "color": color}, "layer": "below",
        }
        for (j, i), color in zip(places, colors, strict=True)
    ]  # fmt: skip


def _cells(plot: Map) -> go.Scatter:
    """Markers too small to be seen at the cells' centres, for what is pointed at and for the colour bar."""
    import plotly.graph_objects as go

    places = [(j, i) for i, row in enumerate(plot.cells) for j in range(len(row))]
    marker = {
        "size": 2, "color": [value for row in plot.cells for value in row], "colorscale": SCALE, "showscale": True,
        "colorbar": {"title": {"text": escape(plot.z_title), "side": "right"}},
    }  # fmt: skip
    return go.Scatter(
        x=[j for j, _ in places], y=[i for _, i in places], mode="markers", marker=marker, hoverinfo="text",
        hovertext=[as_html(plot.hover[i][j]) for j, i in places],
    )  # fmt: skip


def _points(plot: Map) -> go.Scatter:
    import plotly.graph_objects as go

    marker = {"size": 5, "color": "rgba(255,255,255,.75)", "line": {"width": 1, "color": "#1c2330"}}
    return go.Scatter(
        x=[x for x, _, _ in plot.points], y=[y for _, y, _ in plot.points], mode="markers", marker=marker,
        hoverinfo="text", hovertext=[as_html(text) for *_, text in plot.points],
    )  # fmt: skip
