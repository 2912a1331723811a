"""Where the report's templates lie and what keeps a name from breaking out of what it stands in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.core import markdown

if TYPE_CHECKING:
    from jinja2 import Environment

DIRECTIONS = {code: f"[U+{code:04X}]" for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def html_environment() -> Environment:
    """Templates of the page: every expression is escaped but where a template says ``| safe``."""
    from analysis import bundle, interactive, points, printed

    environment = _environment(autoescape=True)
    environment.filters |= {
        "drawing": interactive.drawing_of,
        "svg": printed.inline_svg,
        "words": points.in_words,
        "points": points.points_grid,
        "data": bundle.as_json,
    }
    environment.globals |= {
        "plotly": bundle.packed_plotly,
        "scripts": bundle.page_scripts,
        "colors": interactive.COLORS,
        "light_colors": interactive.LIGHT_COLORS,
    }
    return environment


def markdown_environment() -> Environment:
    """Templates of the Markdown text: every expression is a :func:`cell`, so none can be forgotten."""
    environment = _environment(autoescape=False, finalize=cell, keep_trailing_newline=True)
    environment.filters |= {"code": markdown.as_code, "line": markdown.one_line, "mermaid": markdown.mermaid}
    return environment


def cell(value: Any) -> str:
    """The value as text that is shown as it is: no mark, and nothing that leaves its line, its table or its tag."""
    return in_order(value if isinstance(value, markdown.Marked) else markdown.escape_inside(str(value)))


def in_order(text: str) -> str:
    """The text with its controls of writing direction spelt out: one in a name would turn round what follows it."""
    return text.translate(DIRECTIONS)


def _environment(**options: Any) -> Environment:
    """The project's templates; a name that is not defined is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")  # whatever else is called analysis on sys.path
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **options)
