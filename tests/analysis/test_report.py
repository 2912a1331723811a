"""The written report and the answer that it gives."""

import re
from dataclasses import replace

import pandas as pd
import pytest
from mlflow import MlflowClient

from analysis.errors import ReportError
from analysis.findings import failure_lines, findings_of, headline
from analysis.interactive import to_plotly
from analysis.options import Options
from analysis.report import write_report
from analysis.runs import load_study
from analysis.several import write_reports
from study.core.conclusion import read_conclusion
from study.core.mlflow_notes import NOTE


@pytest.fixture(scope="module")
def index(store, tmp_path_factory):
    return write_report("demo", tmp_path_factory.mktemp("reports"), store)


def body(page):
    """The page's own text: without its scripts."""
    return re.sub(r"<script.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.S)


def test_every_file_is_written(index):
    names = {str(p.relative_to(index.parent)) for p in index.parent.rglob("*") if p.is_file()}
    assert names == {"index.html", "report.md", "trials.csv", "front.csv", "answer.json", "figures/front.svg"}


@pytest.mark.parametrize("kinds", [pytest.param(("png",), marks=pytest.mark.long), ("svg", "png")])
def test_figures_are_kept_as_the_kinds_that_are_asked_for(kinds, store, tmp_path):
    folder = write_report("demo", tmp_path, store, Options(kinds)).parent / "figures"
    names = ("front", "rank", "lambda", "memory", "memory_parts")
    of_markdown = {"front.svg"}
    assert {p.name for p in folder.iterdir()} == {f"{name}.{kind}" for name in names for kind in kinds} | of_markdown
    assert all(p.stat().st_size > 1000 for p in folder.iterdir())


@pytest.mark.parametrize("kinds", [(), ("svg",), pytest.param(("pdf",), marks=pytest.mark.long)])
@pytest.mark.parametrize("name", ["none", "one", "demo"])
def test_whatever_the_markdown_shows_is_a_file(name, kinds, store, tmp_path):
    folder = write_report(name, tmp_path, store, Options(kinds)).parent
    shown = re.findall(r"!\[.*?\]\((.*?)\)", (folder / "report.md").read_text(encoding="utf-8"))
    assert len(shown) == (name != "none")
    assert all((folder / place).is_file() for place in shown)


@pytest.mark.parametrize("name", ["none", "one", "demo"])
def test_what_has_nothing_to_draw_is_neither_a_heading_nor_a_file(name, store, tmp_path):
    index = write_report(name, tmp_path, store, Options(("svg",)))
    figures = findings_of(load_study(name, store)).figures
    drawn = {figure.name for figure in figures if not figure.empty}
    assert [figure.name for figure in figures if figure.empty] == ["front"] * (name == "none")
    assert ("lambda" in drawn) == (name == "demo")
    assert {path.stem for path in (index.parent / "figures").iterdir()} == drawn
    assert body(index).count("No compared trial has these numbers.") == (name == "none")


def test_an_unknown_kind_of_figure_is_refused_and_nothing_is_written(store, tmp_path):
    with pytest.raises(ReportError, match="figures=svg,jpg: holds 'jpg'"):
        write_report("demo", tmp_path / "reports", store, Options(("svg", "jpg")))
    assert not (tmp_path / "reports").exists()


def test_the_answer_is_the_cheapest_that_is_near_the_best_with_the_studys_confidence(store):
    findings = findings_of(load_study("demo", store))
    assert (findings.judgement.best, findings.judgement.recommended) == (3, 2)
    assert headline(findings).startswith(
        "Choose lora r4 λ10 qv top-half: with probability 0.97 it is within 0.01 of the best, and it is the cheapest"
    )
    assert "It scores accuracy 0.9050 ± 0.0060 at 2,000 trained parameters instead of 4,000" in headline(findings)


def test_what_the_reader_gives_up_and_how_surely_may_be_said_anew(store):
    runs = load_study("demo", store)
    assert findings_of(runs, tolerance=0.2).judgement.recommended == 1
    assert "it is within 0.2 of the best" in headline(findings_of(runs, tolerance=0.2))
    strict = findings_of(runs, tolerance=0.0001, confidence=0.99)
    assert headline(strict).startswith("The data cannot tell which configuration is the cheapest within 0.0001")


def test_the_page_holds_the_numbers_and_what_was_left_out(index):
    text = body(index)
    assert "0.9100 ± 0.0060" in text
    assert "Left out: 3 of 8 trials (1 failed, 1 incomplete, 1 told again)." in text
    assert "abc123" in text


def test_names_are_escaped(index):
    assert "&lt;b&gt;qv&lt;/b&gt;" in body(index)
    assert "<b>qv</b>" not in body(index)


def test_the_page_opens_offline(index):
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", index.read_text(encoding="utf-8"))
    assert not [tag for tag in tags if re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", tag)]


def test_the_front_table_holds_the_undominated_trials(index):
    assert pd.read_csv(index.parent / "front.csv")["number"].tolist() == [0, 1, 2, 3]


def test_the_diagram_shows_the_upper_half_adapted(index):
    text = (index.parent / "report.md").read_text(encoding="utf-8")
    assert 'L1["layer 1: frozen"]' in text
    assert 'L2["layer 2: attention.self.query, attention.self.value"]:::adapted' in text


def test_the_plots_numbers_are_the_trials(store):
    plot = findings_of(load_study("demo", store)).plots[0]
    series = {s.name: s for s in plot.series}
    assert series["front"].x == (100, 1000, 2000, 4000)
    assert series["baselines"].y == pytest.approx((0.71,))
    assert series["other trials"].x == (8000,)


def test_what_needs_no_training_is_a_dashed_line_and_a_table(store, index):
    plot = findings_of(load_study("demo", store)).plots[0]
    (dashed,) = [s for s in plot.series if s.dashed]
    assert (dashed.name, dashed.y) == ("majority", (0.52, 0.52))
    assert dashed.x[0] < 100 < 8000 < dashed.x[1]
    assert "Dashed: no training." in plot.caption
    (line,) = [t for t in to_plotly(plot).data if t.line.dash == "dash"]
    assert (line.mode, list(line.y)) == ("lines", [0.52, 0.52])
    markdown = (index.parent / "report.md").read_text(encoding="utf-8")
    row = "| majority | always the most frequent class | {} | {} | {} |".format
    assert row("accuracy", "0.5200 ± 0.0040", "0.5100") in markdown
    assert row("macro_f1", "0.3400 ± 0.0020", "–") in markdown
    assert "always the most frequent class" in body(index)


def test_what_else_was_measured_and_left_out_of_the_data_is_said(index):
    text = body(index)
    assert "<td>macro_f1 0.456</td>" in text
    assert "accuracy 0." not in text.partition("What needs no training")[0].partition("The front")[2]
    assert "<dt>about the data</dt><dd>duplicates dropped: 2</dd>" in text


def test_a_study_of_before_is_reported_without_them(store, tmp_path):
    findings = findings_of(load_study("one", store))
    assert findings.references == ()
    assert not [s for s in findings.plots[0].series if s.dashed]
    assert "The study did not record any." in body(write_report("one", tmp_path, store))


@pytest.mark.parametrize(
    ("name", "expected", "left_out"),
    [("one", "there is nothing to choose from", False), ("none", "nothing to recommend yet", True)],
)
def test_a_study_of_one_or_no_complete_trial_is_reported_and_what_was_left_out_where_something_was(
    store, tmp_path, name, expected, left_out
):
    text = body(write_report(name, tmp_path, store))
    assert expected in text
    assert ("Left out:" in text) is left_out
    assert ('id="left-out"' in text) is left_out


def test_an_unknown_study_writes_nothing(store, tmp_path):
    with pytest.raises(ReportError):
        write_report("nope", tmp_path / "reports", store)
    assert list(tmp_path.iterdir()) == []


def test_the_error_of_a_failed_trial_stands_in_page_and_brief(store, tmp_path):
    index = write_report("none", tmp_path, store)
    assert "1 trial failed: boom" in body(index)
    assert "- 1 trial failed: boom" in (index.parent / "report.md").read_text(encoding="utf-8")


def test_distinct_errors_are_said_once_each_with_their_number_the_most_frequent_first(store):
    runs = load_study("demo", store)
    errors = ["a", "b\nc", "b\nc", *[None] * (len(runs.trials) - 3)]
    findings = findings_of(replace(runs, trials=runs.trials.assign(error=errors)))
    assert failure_lines(findings) == ["2 trials failed: b c", "1 trial failed: a"]
    assert failure_lines(findings_of(load_study("one", store))) == []


def test_a_report_that_cannot_be_drawn_is_one_line_and_its_answer_is_kept_and_noted(fresh, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.page.page_of", lambda *_: [][0])
    with pytest.raises(ReportError, match=r"could not be drawn \(IndexError: list index .*; tell its authors") as said:
        write_reports("demo", tmp_path, fresh)
    assert len(str(said.value).splitlines()) == 1
    assert read_conclusion(tmp_path / "demo").recommended == 2
    assert "IndexError" in (tmp_path / "demo" / "fault.txt").read_text(encoding="utf-8")
    assert "Choose lora r4" in MlflowClient(fresh).get_experiment_by_name("demo").tags[NOTE]
    monkeypatch.undo()
    write_reports("demo", tmp_path, fresh)
    assert not (tmp_path / "demo" / "fault.txt").exists()
