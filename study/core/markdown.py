"""Markdown that shows a text as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MARKS = "\\`*_{}[]<>#|~$"
# What is a mark inside of a line: an underscore between letters, an & that begins no entity and the bracket of an
# interval of numbers are themselves.
INSIDE = re.compile(r"[\\`*<|~$]|\[(?![-+\d., ]*\](?![(\[:]))|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
ENTITIES = {"<": "&lt;", "&": "&amp;"}
PLAIN = re.compile(r"[^\w ./,:()+-]")  # what Mermaid may read as more than a letter


class Marked(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escape_marks(text: str) -> str:
    """A text on one line in which nothing is a mark of Markdown, as a regular expression among the targets may have."""
    return "".join(f"\\{letter}" if letter in MARKS else letter for letter in " ".join(text.split()))


def escape_inside(text: str) -> Marked:
    """A text to stand inside of a line, with no more escaped than would be a mark there; tables and tags included."""
    return Marked(INSIDE.sub(lambda mark: ENTITIES.get(mark[0], f"\\{mark[0]}"), one_line(text)))


def as_code(text: str) -> Marked:
    """A text as code inside of a line; it is fenced by more backticks than it has in a row."""
    line = one_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    room = " " if line[:1] == "`" or line[-1:] == "`" else ""
    return Marked(f"{fence}{room}{line}{room}{fence}")


def one_line(text: str) -> Marked:
    """A text as a line of a block of code."""
    return Marked(" ".join(text.splitlines()))


def mermaid(text: str) -> Marked:
    """A text in a label of a Mermaid diagram, whose quotes it cannot close."""
    return Marked(PLAIN.sub(lambda mark: f"#{ord(mark[0])};", one_line(text)))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
