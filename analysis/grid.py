"""A table as texts, whatever it is drawn as."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from study.core.alone import meanings


@dataclass(frozen=True)
class Grid:
    """Headings and rows of as many cells; `chosen` are the places of the rows to be shaded.

    `links` has an address for each row's first cell, or "" where it has none; it is empty where no row has one.
    `left_out` counts the rows that there is no room for; `notes` say what marks in its cells mean.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    chosen: tuple[int, ...] = ()
    links: tuple[str, ...] = ()
    left_out: int = 0
    notes: tuple[str, ...] = ()


def grid_of(rows: Sequence[dict[str, str]], chosen: tuple[int, ...] = ()) -> Grid:
    """A table of equal rows, each heading → cell."""
    cells = tuple(tuple(row.values()) for row in rows)
    return Grid(tuple(rows[0]) if rows else (), cells, chosen, notes=meanings(cell for row in cells for cell in row))
