"""Numbers and names as a reader sees them; a missing number is a dash, never a zero."""

from __future__ import annotations

from typing import Any

MISSING = "–"


def missing(value: Any) -> bool:
    """Whether there is no value: None, or NaN, which frames have in its place."""
    return value is None or bool(value != value)


def number(value: Any, digits: int = 4) -> str:
    """Fixed digits, such as ``0.9123``."""
    return MISSING if missing(value) else f"{value:.{digits}f}"


def count(value: Any) -> str:
    """A whole number with thousands apart, such as ``36,866``."""
    return MISSING if missing(value) else f"{value:,.0f}"


def short(value: Any) -> str:
    """At most three significant digits, such as ``0.1`` or ``1000``."""
    return MISSING if missing(value) else f"{float(f'{value:.3g}'):g}"


def setting(value: Any) -> str:
    """A configuration's value as it stands in a name: a float :func:`short`, anything else as it is written."""
    return short(value) if isinstance(value, float) else str(value)


def text(value: Any) -> str:
    """The text, or a dash."""
    return MISSING if missing(value) or value == "" else str(value)


def mebibytes(value: Any, digits: int = 1) -> str:
    """Bytes as MiB, such as ``1,024.0 MiB``."""
    return MISSING if missing(value) else f"{value / 2**20:,.{digits}f} MiB"


def megabytes(value: Any) -> str:
    """Bytes as MB, of 10⁶."""
    return MISSING if missing(value) else f"{value / 1e6:,.1f} MB"


def seconds(value: Any, beside: Any = None) -> str:
    """Seconds with one digit, of less than one with two or three; with as many as the number that it stands beside."""
    if missing(value):
        return MISSING
    size = abs(value if beside is None else beside)
    return f"{value:,.{1 if size >= 1 else 2 if size >= 0.1 else 3}f} s"


def few_digits(value: float) -> str:
    """A number where there is little room: whole, below ten with two digits, such as ``1.6`` or ``0.0063``."""
    return f"{value:,.0f}" if abs(value) >= 9.95 else f"{float(f'{value:.2g}'):g}"


def milliseconds(value: Any, digits: int = 2) -> str:
    """Milliseconds, such as ``8.25 ms``."""
    return MISSING if missing(value) else f"{value:.{digits}f} ms"


def with_se(value: Any, se: Any, digits: int = 4) -> str:
    """A score and its standard error, ``0.9123 ± 0.0041``."""
    return MISSING if missing(value) else f"{number(value, digits)} ± {number(se, digits)}"


def by_unit(unit: str, value: Any, beside: Any = None) -> str:
    """A figure of that unit (study/core/figures.py), such as ``36,866`` or ``8.25 ms``; of times, one that stands
    `beside` another number has as many digits."""
    if unit == "s":
        return seconds(value, beside)
    known = {"numbers": count, "members": count, "bytes": mebibytes, "ms": milliseconds}
    if unit in known:
        return known[unit](value)
    return short(value) if not unit or missing(value) else f"{short(value)} {unit}"


def interval(low: Any, high: Any) -> str:
    """Both ends with their signs, such as ``[-0.0200, +0.0100]``."""
    return MISSING if missing(low) or missing(high) else f"[{low:+.4f}, {high:+.4f}]"


def probability(value: Any) -> str:
    """Two digits, such as ``0.93``; what is nearly certain or impossible is called > 0.99 or < 0.01."""
    if missing(value):
        return MISSING
    return "> 0.99" if value > 0.99 else "< 0.01" if value < 0.01 else f"{value:.2f}"


def plural(n: int, one: str) -> str:
    """``1 trial``, or ``2,000 trials``."""
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"
