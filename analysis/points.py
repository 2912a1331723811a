"""A plot's points as a table, and the plot in words, for those who do not see it."""

from __future__ import annotations

from dataclasses import replace

from analysis.axes import amount
from analysis.grid import Grid, grid_of
from analysis.plots import Plot, Series
from study.core import formatting as fmt

ROOM = 200  # rows that a page has room for beside each plot


def points_grid(plot: Plot) -> Grid:
    """A row for each point, in the order of the series."""
    points = [(series, i) for series in plot.series for i in range(len(series.x))]
    rows = [_cells(plot, series, i) for series, i in points[:ROOM]]
    return replace(grid_of(rows), left_out=len(points) - len(rows))


def in_words(plot: Plot) -> str:
    """What the plot shows, in a sentence or two: its axes, how many points, and where they end."""
    drawn = [series for series in plot.series if series.x and not series.dashed]
    levels = [series for series in plot.series if series.x and series.dashed]
    ends = [value for series in drawn for value in series.y]
    parts = [f"{plot.title}: {plot.y_title} against {plot.x_title}."]
    if drawn:
        series = ", ".join(f"{s.name} {len(s.x)}" for s in drawn)
        total = fmt.plural(len(ends), "point")
        parts.append(f"{total} ({series}), from {fmt.number(min(ends))} to {fmt.number(max(ends))}.")
    parts += [f"Dashed line: {level.name} at {fmt.number(level.y[0])}." for level in levels]
    return " ".join(parts)


def _cells(plot: Plot, series: Series, i: int) -> dict[str, str]:
    label = series.hover[i].partition("\n")[0]
    return {
        "Series": series.name,
        plot.x_title[:1].upper() + plot.x_title[1:]: amount(series.x[i]),
        plot.y_title: fmt.number(series.y[i]),
        "± SE": fmt.number(series.errors[i]),
        "Configuration": label,
    }
