"""Several studies side by side."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from analysis.errors import ReportError
from analysis.findings import findings_of
from analysis.options import Options
from analysis.runs import load_study
from analysis.several import answers_grid, comparison_of, fronts_plots, load_studies, write_reports
from study.core.errors import ConfigError


class Links(HTMLParser):
    """The addresses of a page's links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.addresses += [dict(attrs)["href"]] if tag == "a" else []


def test_each_has_its_report_and_a_page_compares_them(store, tmp_path):
    index = write_reports("demo,one,none", tmp_path, store, Options(tables=("csv",)))
    assert index == tmp_path / "index.html"
    for name in ("demo", "one", "none"):
        assert (tmp_path / name / "index.html").is_file()
        assert f"{name}/index.html" in Links(index.read_text(encoding="utf-8")).addresses
    assert (tmp_path / "one" / "tables" / "front.csv").is_file()


def test_one_study_is_reported_alone(store, tmp_path):
    assert write_reports("one", tmp_path, store) == tmp_path / "one" / "index.html"
    assert not (tmp_path / "index.html").exists()


def test_a_row_is_what_a_study_recommends(store):
    grid = answers_grid([findings_of(load_study(name, store)) for name in ("demo", "none")])
    rows = [dict(zip(grid.headings, row, strict=True)) for row in grid.rows]
    assert (rows[0]["Study"], rows[0]["Configuration"]) == ("demo", "lora r4 λ10 qv top-half")
    assert (rows[0]["Trained parameters"], rows[0]["Compared"]) == ("2,000", "5 of 8")
    assert (rows[1]["Configuration"], rows[1]["Compared"]) == ("–", "0 of 1")


def test_the_fronts_of_one_metric_are_one_figure(store):
    (plot,) = fronts_plots([findings_of(load_study(name, store)) for name in ("demo", "one", "none")])
    assert [(series.name, series.x) for series in plot.series] == [("demo", (100, 1000, 2000, 4000)), ("one", (1000,))]


def test_the_comparison_needs_no_script_and_asks_for_nothing(store):
    text = comparison_of([findings_of(load_study(name, store)) for name in ("demo", "one")])
    assert "<script" not in text
    assert "<b>qv</b>" not in text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert len(text.encode()) < 200_000


@pytest.mark.parametrize(("text", "named"), [("demo,nope", "study=nope"), ("it's, a=b", "study=it's, a=b")])
def test_an_unknown_study_is_named_and_nothing_is_written(store, tmp_path, text, named):
    with pytest.raises(ReportError, match=f"{named}: no study of this name"):
        write_reports(text, tmp_path / "reports", store)
    assert list(tmp_path.iterdir()) == []


def test_a_name_between_commas_leads_out_of_no_folder(store, tmp_path):
    with pytest.raises(ConfigError, match="names a folder"):
        write_reports("demo,../x", tmp_path, store)
    assert list(tmp_path.iterdir()) == []


def test_a_study_whose_name_has_a_comma_is_found_whole(comma):
    assert [runs.name for runs in load_studies("a,b", comma)] == ["a,b"]
