"""Numbers as a reader sees them in a sentence."""

from __future__ import annotations


def plural(count: int, one: str) -> str:
    """``1 trial``, or ``2 trials``."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"
