"""Numbers and names as a reader sees them; a missing number is a dash, never a zero."""

from __future__ import annotations

from typing import Any

import pandas as pd

MISSING = "–"


def number(value: Any, digits: int = 4) -> str:
    """Fixed digits, such as ``0.9123``."""
    return MISSING if pd.isna(value) else f"{value:.{digits}f}"


def count(value: Any) -> str:
    """A whole number with thousands apart, such as ``36,866``."""
    return MISSING if pd.isna(value) else f"{value:,.0f}"


def short(value: Any) -> str:
    """At most three significant digits, such as ``0.1`` or ``1000``."""
    return MISSING if pd.isna(value) else f"{float(f'{value:.3g}'):g}"


def text(value: Any) -> str:
    """The text, or a dash."""
    return MISSING if pd.isna(value) or value == "" else str(value)


def mebibytes(value: Any) -> str:
    """Bytes as MiB."""
    return MISSING if pd.isna(value) else f"{value / 2**20:,.1f} MiB"


def megabytes(value: Any) -> str:
    """Bytes as MB, of 10⁶."""
    return MISSING if pd.isna(value) else f"{value / 1e6:,.1f} MB"


def seconds(value: Any) -> str:
    """Seconds with one digit."""
    return MISSING if pd.isna(value) else f"{value:,.1f} s"


def milliseconds(value: Any) -> str:
    """Milliseconds with two digits."""
    return MISSING if pd.isna(value) else f"{value:.2f} ms"


def with_se(value: Any, se: Any) -> str:
    """A score and its standard error, ``0.9123 ± 0.0041``."""
    return MISSING if pd.isna(value) else f"{number(value)} ± {number(se)}"


def plural(n: int, one: str) -> str:
    """``1 trial`` or ``2 trials``."""
    return f"{n} {one}" if n == 1 else f"{n} {one}s"
