"""Draws a Map with matplotlib, for papers and slides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.interactive_map import SCALE
from analysis.maps import Map
from analysis.marks import without_mathematics

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_map(plot: Map, axes: Axes) -> None:
    """The cells with a colour bar, and the trials as dots over them."""
    image = axes.imshow(plot.cells, cmap=SCALE.lower(), origin="lower", aspect="auto")
    x, y = ([point[i] for point in plot.points] for i in (0, 1))
    axes.scatter(x, y, s=9, color="white", edgecolors="black", linewidths=0.5)
    axes.set(xlabel=without_mathematics(plot.x_title), ylabel=without_mathematics(plot.y_title))
    axes.set_xticks([place for place, _ in plot.x_ticks], [without_mathematics(name) for _, name in plot.x_ticks])
    axes.set_yticks([place for place, _ in plot.y_ticks], [without_mathematics(name) for _, name in plot.y_ticks])
    axes.figure.colorbar(image, ax=axes, label=without_mathematics(plot.z_title))
