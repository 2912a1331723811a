"""Names as the drawing libraries take them: each reads some characters as its own marks."""

from __future__ import annotations

from html import escape


def without_mathematics(text: str) -> str:
    """For matplotlib: a dollar sign, as a regular expression may have, would begin a formula."""
    return text.replace("$", r"\$")


def as_html(text: str) -> str:
    """For plotly: lines stay lines, and nothing is a tag."""
    return escape(text).replace("\n", "<br>")
