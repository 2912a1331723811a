"""Tables on a terminal: names give their room up, numbers stay whole, however narrow it is."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

GAP = 2  # spaces between columns
LEAST = 16  # cells of a name beside its numbers; with less room it has a line of its own
INDENT = 2  # of numbers below their names
ENDLESS = 100_000  # cells of what is no terminal: nothing is folded there


@dataclass(frozen=True)
class Column:
    """A heading, whether the cells below it are names, which may be folded, and what stands under them."""

    heading: str
    name: bool = False
    total: str = ""


@dataclass(frozen=True)
class TextTable:
    """Rows of cells in columns, with a title above and a caption below; rich can print it at any width.

    Where names have no room beside the numbers they stand above them, and where numbers have no room side by side, each
    has a line of its own with its heading. No number is ever cut, or broken over lines.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    caption: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        if self.title:
            yield Text(self.title, style="bold")
        yield from self._body(options.max_width)
        if self.caption:
            yield Text(self.caption)

    def text(self, width: int | None = None) -> str:
        """The table as plain lines of at most that many cells: by default as wide as standard output is."""
        from rich.console import Console

        out = StringIO()
        Console(file=out, width=width or output_width(), color_system=None).print(self)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())

    def _body(self, width: int) -> Iterator[RenderableType]:
        whole = [self._natural_width(place, whole=True) for place in range(len(self.columns))]
        if sum(whole) + GAP * (len(whole) - 1) <= width:
            yield self._side_by_side(whole)
            return
        natural = [self._natural_width(place) for place in range(len(self.columns))]
        numbers = [place for place, column in enumerate(self.columns) if not column.name]
        names = [place for place, column in enumerate(self.columns) if column.name]
        room = width - sum(natural[place] + GAP for place in numbers) - GAP * (len(names) - 1)
        if room >= sum(min(natural[place], LEAST) for place in names):
            yield self._side_by_side(_share(natural, names, room))
        elif width >= INDENT + sum(natural[place] + GAP for place in numbers):
            yield from self._stack(names, numbers, natural)
        else:
            yield from self._list(names, numbers)

    def _natural_width(self, place: int, whole: bool = False) -> int:
        """The cells of a column's longest text; unless it is `whole`, a heading of numbers is broken at its spaces."""
        from rich.cells import cell_len

        column = self.columns[place]
        heading = [column.heading] if column.name or whole else column.heading.split() or [""]
        return max(map(cell_len, (*heading, column.total, *(row[place] for row in self.rows))))

    def _side_by_side(self, widths: Sequence[int]) -> Table:
        footed = any(column.total for column in self.columns)
        table = _grid(self.columns, widths, header=True, footer=footed)
        for row in self.rows:
            table.add_row(*map(_plain, row))
        return table

    def _stack(self, names: list[int], numbers: list[int], natural: list[int]) -> Iterator[RenderableType]:
        """Each row's names on a line of their own, folded where that is too short, its numbers below them."""
        from rich.padding import Padding

        columns, widths = [self.columns[place] for place in numbers], [natural[place] for place in numbers]
        indent = (0, 0, 0, INDENT)
        yield _plain("  ".join(self.columns[place].heading for place in names))
        yield Padding(_grid(columns, widths, header=True), indent)
        for row in (*self.rows, *self._totals()):
            yield _plain("  ".join(row[place] for place in names if row[place]))
            numbers_row = _grid(columns, widths)
            numbers_row.add_row(*(_plain(row[place]) for place in numbers))
            yield Padding(numbers_row, indent)

    def _list(self, names: list[int], numbers: list[int]) -> Iterator[RenderableType]:
        """Each row's names, and below them a line for each number that it has."""
        for row in (*self.rows, *self._totals()):
            yield _plain("  ".join(row[place] for place in names if row[place]))
            for place in numbers:
                if row[place]:
                    yield _plain(f"  {self.columns[place].heading}: {row[place]}")

    def _totals(self) -> list[tuple[str, ...]]:
        totals = tuple(column.total for column in self.columns)
        return [totals] if any(totals) else []


def output_width() -> int:
    """The cells that a line of standard output has."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else ENDLESS


def _share(natural: Sequence[int], names: Sequence[int], room: int) -> list[int]:
    """Widths of all columns: the narrowest names have what they want, the others an equal part of what is left."""
    widths = list(natural)
    for left, place in zip(range(len(names), 0, -1), sorted(names, key=lambda p: natural[p]), strict=True):
        widths[place] = min(natural[place], room // left)
        room -= widths[place]
    return widths


def _grid(columns: Sequence[Column], widths: Sequence[int], header: bool = False, footer: bool = False) -> Table:
    from rich.table import Table

    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=header, show_footer=footer)
    for column, width in zip(columns, widths, strict=True):
        heading, total = _plain(column.heading), _plain(column.total)
        table.add_column(heading, total, justify="left" if column.name else "right", width=width, overflow="fold")
    return table


def _plain(text: str) -> RenderableType:
    """The text as it is: brackets are no markup, numbers have no colours, and words without spaces are folded."""
    from rich.text import Text

    return Text(text, overflow="fold")
