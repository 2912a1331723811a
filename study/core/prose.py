"""Sentences on a terminal, whose lines break between words."""

from __future__ import annotations

import os
import sys
from textwrap import TextWrapper
from typing import TextIO


def print_prose(text: str, file: TextIO | None = None) -> None:
    """Print the text on `file`, by default standard output; what is no terminal has its lines as they are."""
    out = sys.stdout if file is None else file
    print(break_lines(text, out), file=out, flush=True)


def break_lines(text: str, file: TextIO) -> str:
    """The text in lines that the terminal has room for; a word that is longer than one, such as an address, stays
    whole, so that it can be copied."""
    if not (width := _width(file)):
        return text
    wrapper = TextWrapper(width, break_long_words=False, break_on_hyphens=False, expand_tabs=False)
    return "\n".join(wrapper.fill(line) for line in text.split("\n"))


def _width(file: TextIO) -> int:
    """The letters that a line of the terminal has; 0 of what is none, or has not said."""
    try:
        return os.get_terminal_size(file.fileno()).columns if file.isatty() else 0
    except (OSError, ValueError):  # closed meanwhile, or a stream of no file
        return 0
