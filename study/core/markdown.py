"""Markdown that shows a text as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MARKS = "\\`*_{}[]<>#|~"


def escape_marks(text: str) -> str:
    """A text on one line in which nothing is a mark of Markdown, as a regular expression among the targets may have."""
    return "".join(f"\\{letter}" if letter in MARKS else letter for letter in " ".join(text.split()))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
