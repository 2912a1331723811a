"""Named columns whose rows a person can find again, wherever they came from."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from study.core.errors import DataError

NAMED = 3  # rows that a message names; the others are counted


@dataclass(frozen=True)
class Table:
    """Columns of equal length; row i is found at `unit` `numbers[i]` of `source`, such as line 7 of task.path=x.csv.

    Lines of a file are counted from 1, as editors do; rows that lie in no line from 0, as pandas and datasets do.
    """

    source: str
    columns: dict[str, list[Any]]
    numbers: Sequence[int]
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, key: str, name: str) -> list[Any]:
        """The values of the column that the configuration key `task.key` names; DataError where there is none."""
        if name in self.columns:
            return self.columns[name]
        raise DataError(f"task.{key}={name}", f"is no column of {self.source}", f"choose {_among(name, self.columns)}")

    def take(self, rows: Sequence[int]) -> Table:
        """A table of these rows alone, in their order."""
        if len(rows) == len(self):
            return self
        columns = {name: [cells[i] for i in rows] if cells else [] for name, cells in self.columns.items()}
        return replace(self, columns=columns, numbers=[self.numbers[i] for i in rows])

    def place(self, row: int) -> str:
        """The row's place in its source, as a person finds it."""
        return f"{self.unit} {self.numbers[row]}"

    def places(self, rows: Sequence[int]) -> str:
        """The rows' places in their source, as a person finds them; of many the first, and how many others there
        are."""
        named = ", ".join(str(self.numbers[i]) for i in rows[:NAMED])
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        return f"{self.unit}{'s' if len(rows) > 1 else ''} {named}{more}"

    def refuse(self, rows: Sequence[int], rule: str, remedy: str) -> None:
        """Raise DataError about these rows, if there are any."""
        if rows:
            raise DataError(f"{self.source}, {self.places(rows)}", rule, remedy)


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: null, not a number, or spaces alone."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _among(name: str, columns: Iterable[str]) -> str:
    known = list(columns)
    close = difflib.get_close_matches(name, known, 1)
    return f"{close[0]}, perhaps, of {', '.join(known)}" if close else f"among {', '.join(known)}"
