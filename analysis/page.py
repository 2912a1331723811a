"""The report as one HTML page that opens offline."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

from analysis.environment import html_environment, in_order
from analysis.maps import Map
from analysis.plots import Plot
from analysis.printed import inline_svg
from analysis.sections import PAGE
from analysis.view import View

SECTION = re.compile(r'<section id="([^"]+)"[^>]*>\s*<h2[^>]*>(.*?)</h2>', re.S)


def page_of(view: View, svg_of: Callable[[Plot | Map], str] = inline_svg) -> str:
    """The whole page, its scripts inlined; what is shown of a name is escaped. `svg_of` is a plot's still drawing."""
    environment, shown = html_environment(), {"report": view, "findings": view.findings}
    environment.filters["svg"] = svg_of
    sections = [environment.get_template(f"sections/{name}.html.j2").render(shown) for name in PAGE]
    template = environment.get_template("page.html.j2")
    return in_order(template.render(shown, sections=sections, contents=contents_of("".join(sections))))


def contents_of(html: str) -> list[tuple[str, str]]:
    """The id and the heading of every section that has both, in their order."""
    return [(unescape(place), unescape(heading).strip()) for place, heading in SECTION.findall(html)]
