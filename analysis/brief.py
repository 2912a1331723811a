"""The report in short, as Markdown with a Mermaid diagram."""

from __future__ import annotations

from analysis.environment import markdown_environment
from analysis.sections import MARKDOWN
from analysis.view import View


def markdown_of(view: View) -> str:
    """The whole Markdown text; what is shown of a name stays in its line and its cell."""
    template = markdown_environment().get_template("report.md.j2")
    return template.render(report=view, findings=view.findings, sections=MARKDOWN)
