"""Exported models: one row an export, the smallest first; a study without any still has a report."""

from dataclasses import replace

import pytest

from analysis import brief, page
from analysis.exported import export_cells, exports_of
from analysis.findings import findings_of
from analysis.runs import load_study
from analysis.view import view_of

FIGURES = {
    "export/peft/bytes": 1e6, "export/peft/base_bytes": 9e7, "export/peft/parameters": 36_000.0,
    "export/onnx/bytes": 5e7, "export/onnx/parameters": 1.2e7, "export/onnx/latency_p50_ms": 8.25,
    "export/onnx/latency_p95_ms": 9.5, "export/onnx/peak_bytes": 7e7, "export/onnx/max_difference": 3.2e-6,
}  # fmt: skip


@pytest.fixture
def runs(store):
    """A study of which trial 1 was exported twice."""
    known = load_study("demo", store)
    trials = known.trials.assign(**{name: float("nan") for name in FIGURES})
    trials.loc[trials["number"] == 1, list(FIGURES)] = list(FIGURES.values())
    return replace(known, trials=trials)


def test_there_is_a_row_for_each_export_with_what_a_device_must_hold_in_order(runs):
    rows = exports_of(runs.trials)
    assert rows[["trial", "format"]].to_numpy().tolist() == [[1, "onnx"], [1, "peft"]]
    assert export_cells(rows.iloc[0]) == {
        "Trial": "1", "Configuration": "lora r2 qv all", "Export": "onnx", "Stored": "50.0 MB",
        "Parameters": "12,000,000", "Latency p50": "8.25 ms", "Latency p95": "9.50 ms", "Peak memory": "70.0 MB",
        "Test score": "–", "Difference": "3.2e-06",
    }  # fmt: skip
    assert export_cells(rows.iloc[1])["Stored"] == "1.0 MB + 90.0 MB base"


def test_the_page_and_the_markdown_show_them(runs):
    findings = findings_of(runs)
    for text in (page.page_of(view_of(findings)), brief.markdown_of(view_of(findings))):
        assert "Exported models" in text
        assert "50.0 MB" in text
        assert "8.25 ms" in text


def test_a_study_without_exports_says_how_to_make_one(store):
    findings = findings_of(load_study("one", store))
    assert findings.exported.empty
    assert "lora-export study=one" in page.page_of(view_of(findings))
    assert "Exported models" not in brief.markdown_of(view_of(findings))
