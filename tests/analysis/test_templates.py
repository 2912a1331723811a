"""The report's templates: what a name may not do, what they refuse, and how a section is added."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, DictLoader, UndefinedError

from analysis import page
from analysis.brief import markdown_of
from analysis.environment import cell, html_environment, markdown_environment
from analysis.findings import findings_of
from analysis.page import page_of
from analysis.runs import load_study
from analysis.sections import MARKDOWN, PAGE
from analysis.view import Choice, Layer, view_of

NAME = "</script><i>x</i> \"q\" 'p' & a|b\nc"
LINE = NAME.replace("\n", " ")
SECTIONS = Path(page.__file__).parent / "templates" / "sections"


class Cells(HTMLParser):
    """The texts of a page's table cells as a browser shows them, and the names of its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        if tag in ("td", "th", "dd"):
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


@pytest.fixture
def named(store):
    """Findings of a study in which every name that people choose is one that breaks out where it can."""
    runs = load_study("demo", store)
    linears = json.loads(runs.info.tags["linears"])
    linears["modules"][0]["name"] = NAME
    tags = runs.info.tags | {"linears": json.dumps(linears), "metric": NAME, "data_fingerprint": NAME}
    metrics = {f"reference/{NAME}/accuracy": 0.5}
    errors = [NAME, *[None] * (len(runs.trials) - 1)]
    trials = runs.trials.assign(label=NAME, error=errors, **{f"export/{NAME}/bytes": 1e6})
    info = replace(runs.info, tags=tags, metrics=metrics)
    return findings_of(replace(runs, name=NAME, info=info, trials=trials))


def test_no_name_breaks_out_of_the_page(named):
    text = page_of(view_of(named))
    read = Cells(text)
    assert "i" not in read.names
    assert "<i>" not in text
    assert text.count("<script") == text.count("</script>")
    assert sum(" ".join(each.split()) == LINE for each in read.cells) >= 10


def test_no_name_breaks_out_of_its_line_its_table_or_a_tag_of_the_markdown(named):
    text = markdown_of(view_of(named))
    assert "<" not in re.sub(r"```sh\n.*?```", "", text, flags=re.S)  # a block of code shows what it holds
    shown = cell(NAME)
    assert f"# {shown}\n" in text
    assert f"- data fingerprint: {shown}\n" in text
    assert f"- 1 trial failed: {shown}\n" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert len(re.findall(r"(?:^\|.*\n)+", text, flags=re.M)) == 4
    (diagram,) = re.findall(r"```mermaid\n(.*?)```", text, flags=re.S)
    assert all(line.count('"') == 2 for line in diagram.splitlines() if "[" in line)


@pytest.mark.parametrize("environment", [html_environment, markdown_environment])
@pytest.mark.parametrize("template", ["{{ nobody }}", "{{ choice.nothing }}", "{% for x in nobody %}{% endfor %}"])
def test_a_name_that_nothing_defines_is_an_error(environment, template):
    with pytest.raises(UndefinedError, match=r"nobody|nothing"):
        environment().from_string(template).render(choice=Choice("best"))


def test_every_section_has_its_template_and_every_template_its_section():
    assert {path.name.removesuffix(".html.j2") for path in SECTIONS.glob("*.html.j2")} == set(PAGE)
    assert {path.name.removesuffix(".md.j2") for path in SECTIONS.glob("*.md.j2")} == set(MARKDOWN)
    assert len(list(SECTIONS.iterdir())) == len(PAGE) + len(MARKDOWN)


def test_a_section_is_added_as_one_template_and_its_name(store, monkeypatch):
    environment = html_environment()
    added = DictLoader({"sections/origin.html.j2": "<h2>Origin</h2>{{ findings.runs.info.tags.git_commit }}"})
    environment.loader = ChoiceLoader([added, environment.loader])
    monkeypatch.setattr(page, "html_environment", lambda: environment)
    monkeypatch.setattr(page, "PAGE", (*PAGE, "origin"))
    text = page_of(view_of(findings_of(load_study("demo", store))))
    assert text.partition("Provenance")[2].count("<h2>Origin</h2>abc123") == 1


def test_a_view_gathers_the_layers_from_the_bottom_up_and_shades_the_recommendation(store):
    view = view_of(findings_of(load_study("demo", store)))
    adapted = ("attention.self.query", "attention.self.value")
    assert view.layers[1] == Layer("1", (), (*adapted, "output.dense"))
    assert view.layers[3] == Layer("3", adapted, ("output.dense",))
    assert [view.front.rows[i][0] for i in view.front.chosen] == ["2"]


def test_a_choice_that_no_rule_can_make_is_a_dash(store):
    view = view_of(findings_of(load_study("none", store)))
    assert {choice.label for choice in view.choices} == {"–"}
    assert (view.front.headings, view.front.rows) == ((), ())
