"""Tables as CSV that a spreadsheet opens without computing anything: no text of theirs begins as a formula does."""

from __future__ import annotations

import re
import string
from typing import Any

import pandas as pd

# What formulas begin with (OWASP, CSV Injection), their wide forms among it, and what may stand unseen before that.
FORMULA, UNSEEN = "=+-@＝＋－＠", f"{string.whitespace}\0\x1c\x1d\x1e\x1f\xa0\u200b\u2060\u3000\ufeff"
BREAKS = "\t\n"  # which some programs leave out as they read
NUMBER = r"[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?"
# A number as tables show one: with its standard error, its unit and its marks. Nothing of that is computed.
QUANTITY = re.compile(rf"{NUMBER}(?: ± {NUMBER})?(?: ?%| [A-Za-z]{{1,12}})?[ †‡]*")


def as_csv(table: pd.DataFrame) -> str:
    """The table as CSV, its headings first; numbers are as pandas writes them, texts as :func:`plain_cell`."""
    shown = [plain_cell(name) for name in table.columns]
    columns = [table.iloc[:, place] for place in range(table.shape[1])]
    texts = [column if pd.api.types.is_numeric_dtype(column) else column.map(plain_cell) for column in columns]
    frame = pd.concat(texts, axis=1) if texts else table
    return str(frame.to_csv(index=False, header=shown))


def plain_cell(cell: Any) -> Any:
    """The cell with an apostrophe before it, by which spreadsheets know a text, where it would be a formula.

    Numbers, what stands for none and all other texts are as they were, but that lines end alike.
    """
    if not isinstance(cell, str) or QUANTITY.fullmatch(cell):
        return cell
    text = cell.replace("\r\n", "\n").replace("\r", "\n")  # writers quote cells that hold the one end of lines alone
    begins = text.lstrip(UNSEEN)[:1]
    return f"'{text}" if (begins and begins in FORMULA) or text[:1] in (*BREAKS,) else text
