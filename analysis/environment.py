"""Where the report's templates lie and what keeps a name from breaking out of what it stands in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def html_environment() -> Environment:
    """Templates of the page: every expression is escaped but where a template says ``| safe``."""
    from analysis.interactive import plotly_script, to_html

    environment = _environment(autoescape=True)
    environment.filters["interactive"] = to_html
    environment.globals["plotly_script"] = plotly_script
    return environment


def markdown_environment() -> Environment:
    """Templates of the Markdown text: every expression is a :func:`cell`, so none can be forgotten."""
    return _environment(autoescape=False, finalize=cell, keep_trailing_newline=True)


def cell(value: Any) -> str:
    """The value as text that cannot break out of its line, table or tag."""
    return " ".join(str(value).splitlines()).replace("|", "\\|").replace("<", "&lt;")


def _environment(**options: Any) -> Environment:
    """The project's templates; a name that is not defined is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")  # whatever else is called analysis on sys.path
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, **options)
