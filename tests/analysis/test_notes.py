"""What MLflow's pages are told of a study: the report's answer, its front and what each trial is to it."""

from __future__ import annotations

import json

import pytest

from analysis.answer import role_of_taken
from analysis.findings import findings_of, headline
from analysis.notes import conclusion_of, show_in_mlflow
from analysis.provenance import provenance
from analysis.report import read_findings, write_report
from analysis.runs import load_study
from analysis.several import write_reports
from study.core.figures import FIGURES
from study.core.markdown import escape_marks
from study.core.mlflow_notes import NOTE


@pytest.fixture(scope="module")
def demo(store):
    return findings_of(load_study("demo", store))


def test_the_note_has_the_reports_own_words_its_front_and_links(demo):
    note = conclusion_of(demo).note
    assert note.split("\n\n")[0].replace("**", "") == escape_marks(headline(demo))
    rows = [line for line in note.splitlines() if line.startswith("| [")]
    assert len(rows) == len(demo.front)
    for row, (_, trial) in zip(rows, demo.front.iterrows(), strict=True):
        assert row.startswith(
            f"| [{trial['number']}](#/experiments/{demo.runs.info.experiment}/runs/{trial['run_id']}?"
        )
    assert f"runs/{demo.runs.info.run_id}/artifacts/report/index.html?" in note


def test_the_figures_of_the_answer_are_in_the_one_table_and_are_those_of_its_trials(demo):
    answer, judgement = conclusion_of(demo), demo.judgement
    assert set(answer.figures) <= set(FIGURES)
    chosen, best = demo.trial(judgement.recommended), demo.trial(judgement.best)
    assert answer.figures["answer/score"] == chosen["score"]
    assert answer.figures["answer/cost"] == chosen["params/trainable"]
    assert answer.figures["answer/best_score"] == best["score"]
    assert answer.figures["answer/compared"] == len(demo.compared)
    assert (answer.recommended, answer.best) == (judgement.recommended, judgement.best)


def test_each_compared_trial_is_something_to_the_answer(demo):
    answer = conclusion_of(demo)
    assert set(answer.trials) == set(demo.compared["number"])
    assert role_of_taken(demo.judgement) in answer.trials[answer.recommended]
    assert "Highest expected score" in answer.trials[answer.best]


def test_a_study_without_a_scored_trial_says_that_there_is_nothing_to_recommend(store):
    answer = conclusion_of(findings_of(load_study("none", store)))
    assert answer.note.startswith("**No trial of this study is complete and scored")
    assert (answer.figures, answer.trials, answer.recommended) == ({}, {}, None)


def test_a_report_keeps_the_answer_beside_it(store, tmp_path):
    page = write_report("demo", tmp_path, store)
    raw = json.loads((page.parent / "answer.json").read_text(encoding="utf-8"))
    assert raw["recommended"] == read_findings(load_study("demo", store), store, _options()).judgement.recommended


def _options():
    from analysis.options import Options

    return Options()


def test_the_command_renews_the_notes_unless_it_was_asked_another_question(fresh, tmp_path):
    from mlflow import MlflowClient

    from analysis.options import Options

    client = MlflowClient(fresh)

    def noted():
        return client.get_experiment_by_name("demo").tags.get(NOTE)

    write_reports("demo", tmp_path / "reports", fresh, Options(tolerance=0.5))
    assert noted() is None
    write_reports("demo", tmp_path / "reports", fresh)
    assert noted().startswith(f"{conclusion_of(findings_of(load_study('demo', fresh))).note}\n\n")


def test_a_store_that_takes_no_note_is_said_in_a_line_and_the_report_is_written(fresh, monkeypatch, capsys):
    import mlflow
    from mlflow.exceptions import MlflowException

    def refuse(*_, **__):
        raise MlflowException("no permission.")

    monkeypatch.setattr(mlflow.MlflowClient, "set_experiment_tag", refuse)
    show_in_mlflow(findings_of(load_study("demo", fresh)), fresh)
    assert capsys.readouterr().err == "The note of demo in MLflow stays as it was: no permission.\n"


def test_the_provenance_leads_to_the_trials_best_first(demo):
    said = {name: value for _, rows in provenance(demo.runs) for name, value in rows}["runs in MLflow, best first"]
    assert said.startswith("http://127.0.0.1:5000/#/experiments/")
    assert "orderByKey=metrics.%60score%60" in said
