"""A plot's points as a table, and the plot in words, for those who do not see it."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from math import isfinite

from analysis.axes import amount
from analysis.grid import Grid, grid_of
from analysis.maps import Map
from analysis.plots import Plot, Series
from study.core import formatting as fmt

ROOM = 200  # rows that a page has room for beside each plot


@singledispatch
def points_grid(plot: Plot | Map) -> Grid:
    """A row for each point, in the order of the series; of a map, one for each of its cells."""
    raise TypeError(f"{plot} is no plot")


@points_grid.register(Plot)
def _(plot: Plot) -> Grid:
    points = [(series, i) for series in plot.series if not series.mark for i in range(len(series.x))]
    rows = [_cells(plot, series, i) for series, i in points[:ROOM]]
    return replace(grid_of(rows), left_out=len(points) - len(rows))


@points_grid.register(Map)
def _(plot: Map) -> Grid:
    texts = [text for row in plot.hover for text in row]
    return replace(grid_of([_map_cells(text) for text in texts[:ROOM]]), left_out=max(0, len(texts) - ROOM))


@singledispatch
def in_words(plot: Plot | Map) -> str:
    """What the plot shows, in a sentence or two: its axes, how many points, and where they end."""
    raise TypeError(f"{plot} is no plot")


@in_words.register(Map)
def _(plot: Map) -> str:
    ends = f"from {fmt.number(min(plot.known))} to {fmt.number(max(plot.known))}"
    return f"{plot.title}: {plot.z_title} {ends} by {plot.x_title} and {plot.y_title}."


@in_words.register(Plot)
def _(plot: Plot) -> str:
    drawn = [series for series in plot.series if series.x and not series.dashed and not series.mark]
    levels = [series for series in plot.series if series.x and series.dashed]
    marks = [series for series in plot.series if series.x and series.mark and isfinite(series.y[0])]
    ends = [value for series in drawn for value in series.y if isfinite(value)]
    parts = [f"{plot.title}: {plot.y_title} against {plot.x_title}."]
    if ends:
        series = ", ".join(f"{s.name} {len(s.x)}" for s in drawn)
        total = fmt.plural(len(ends), "point")
        parts.append(f"{total} ({series}), from {fmt.number(min(ends))} to {fmt.number(max(ends))}.")
    parts += [f"Star: {s.name}, at {fmt.number(s.y[0])}." for s in marks]
    parts += [f"Dashed line: {level.name} at {fmt.number(level.y[0])}." for level in levels]
    return " ".join(parts)


def _map_cells(text: str) -> dict[str, str]:
    place, _, score = text.partition("\n")
    return {"Cell": place, "Score": score}


def _cells(plot: Plot, series: Series, i: int) -> dict[str, str]:
    label, x = series.hover[i].partition("\n")[0], series.x[i]
    return {
        "Series": series.name,
        plot.x_title[:1].upper() + plot.x_title[1:]: dict(plot.ticks).get(x, amount(x) if isfinite(x) else fmt.MISSING),
        plot.y_title: fmt.number(series.y[i]),
        **_spread(plot, series, i),
        "Configuration": label,
    }


def _spread(plot: Plot, series: Series, i: int) -> dict[str, str]:
    """How far a point may be off, as its plot draws that: by a bar, by a band, or by both beside one another."""
    marked = any(s.x and not s.band and not s.bars for s in plot.series)
    cells = {"± SE": fmt.number(series.errors[i])} if marked else {}
    if any(s.band for s in plot.series):
        low, high = (fmt.number(end[i]) for end in series.band) if series.band else (fmt.MISSING, fmt.MISSING)
        cells |= {"From": low, "To": high}
    return cells
