"""The report as one HTML page that opens offline."""

from __future__ import annotations

from analysis.environment import html_environment
from analysis.findings import Findings
from analysis.sections import PAGE
from analysis.view import view_of


def page_of(findings: Findings) -> str:
    """The whole page, plotly.js inlined; what is shown of a name is escaped."""
    template = html_environment().get_template("page.html.j2")
    return template.render(report=view_of(findings), findings=findings, sections=PAGE)
