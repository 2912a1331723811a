"""Several studies side by side."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from analysis.errors import ReportError
from analysis.findings import findings_of
from analysis.options import Options
from analysis.runs import StudyRuns, fold_frame, load_study, trial_frame
from analysis.several import answers_grid, comparison_of, fronts_plots, load_studies, terminal_answer, write_reports
from analysis.study_info import StudyInfo
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
    assert (rows[0]["Cost"], rows[0]["Compared"]) == ("2,000 trained parameters", "5 of 8")
    assert "Trained parameters" not in grid.headings  # which were the same number twice
    assert (rows[1]["Configuration"], rows[1]["Compared"]) == ("–", "0 of 1")


def invented(shuffled, cost, *folds):
    """A study of trials with these scores of folds, each dearer than the one before, that trades by one cost."""
    rows = [
        {"number": n, "label": f"r{n}", "state": "complete", "kind": "lora", cost: 1000 * (n + 1),
         "score": np.mean(scores), "score_se": 0.01} | {f"score/fold_{i}": score for i, score in enumerate(scores)}
        for n, scores in enumerate(folds)
    ]  # fmt: skip
    params = {"task.shuffle_labels": str(shuffled), "objectives": json.dumps(["score", cost])}
    info = StudyInfo("1", "FINISHED", pd.Timestamp(0, tz="UTC"), params, {"metric": "accuracy"})
    frame = trial_frame(rows)
    return findings_of(StudyRuns(cost, info, frame, fold_frame(frame), {}))


NOISE, CLEAR = ((0.5, 0.6, 0.55), (0.56, 0.52, 0.62), (0.61, 0.49, 0.6)), ((0.5, 0.5, 0.51), (0.9, 0.9, 0.91))


def test_a_row_says_the_verdict_how_sure_it_is_and_the_studys_own_cost():
    several = [
        invented(shuffled, cost, *folds)
        for shuffled, cost, folds in (
            (False, "params/trainable", NOISE), (True, "params/trainable", NOISE), (False, "time/train_seconds", CLEAR)
        )
    ]  # fmt: skip
    grid = answers_grid(several)
    doubt, control, sure = [dict(zip(grid.headings, row, strict=True)) for row in grid.rows]
    assert (doubt["Answer"], control["Answer"], sure["Answer"]) == (
        "cannot tell; if you need one now", "control: cannot tell", "choose"
    )  # fmt: skip
    assert (control["Configuration"], control["Near enough"], control["Cost"]) == ("–", "–", "–")
    taken = several[0].judgement.recommended
    assert doubt["Near enough"] == several[0].probabilities(taken)["Within 0.01 of the best"]
    assert doubt["Cost"] == f"{1000 * (taken + 1):,} trained parameters"
    assert sure["Cost"] == "time/train_seconds 2,000.0 s†"
    shown = " ".join(terminal_answer(several).split())
    assert all(text in shown for text in ("cannot tell; if you need one now", "control: cannot tell", *grid.notes))
    assert any(note.startswith("†") for note in grid.notes)


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
