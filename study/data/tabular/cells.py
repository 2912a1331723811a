"""What a cell says, in whatever format it was written: for labels, groups and ids alike."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

# Whole, without leading zeros: 007 is a word, and 1.0 the number 1. A number of more digits is a code, hence a word.
NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,399})(\.0*)?", re.ASCII)
BOOLS = {"true": True, "false": False}


def text_of(cell: Any) -> str:
    """The cell as text: composed (NFC), without space around it, and a whole float without its fraction."""
    if isinstance(cell, str):
        return unicodedata.normalize("NFC", cell).strip()
    if isinstance(cell, bool):
        return str(cell).lower()
    whole = isinstance(cell, float | Decimal) and math.isfinite(cell) and cell == int(cell)
    return str(int(cell)) if whole else str(cell)


def is_number(text: str) -> bool:
    """Whether the text is a plain whole number."""
    return NUMBER.fullmatch(text) is not None


def number(text: str) -> int:
    """The plain whole number that the text is."""
    return int(text.partition(".")[0])


def keys(columns: Sequence[Sequence[Any]]) -> list[list[str]]:
    """A text for each cell of a column, in each table, equal where two cells say the same.

    In a column of plain whole numbers 1 and 1.0 say the same.
    """
    texts = [[text_of(cell) for cell in cells] for cells in columns]
    if all(is_number(text) for column in texts for text in column):
        return [[str(number(text)) for text in column] for column in texts]
    return texts
