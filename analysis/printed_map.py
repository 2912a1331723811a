"""Draws a Map with matplotlib, for papers and slides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.interactive_map import SCALE
from analysis.maps import Map

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_map(plot: Map, axes: Axes) -> None:
    """The cells with a colour bar, and the trials as dots over them."""
    image = axes.imshow(plot.cells, cmap=SCALE.lower(), origin="lower", aspect="auto")
    x, y = ([point[i] for point in plot.points] for i in (0, 1))
    axes.scatter(x, y, s=9, color="white", edgecolors="black", linewidths=0.5)
    axes.set(xlabel=_plain(plot.x_title), ylabel=_plain(plot.y_title))
    axes.set_xticks([place for place, _ in plot.x_ticks], [_plain(name) for _, name in plot.x_ticks])
    axes.set_yticks([place for place, _ in plot.y_ticks], [_plain(name) for _, name in plot.y_ticks])
    axes.figure.colorbar(image, ax=axes, label=_plain(plot.z_title))


def _plain(text: str) -> str:
    """The text with no mathematics in it, which a dollar sign would begin."""
    return text.replace("$", r"\$")
