"""MLflow's runs as frames."""

import pytest
from mlflow import MlflowClient
from mlflow.entities import Param

from analysis.errors import ReportError
from analysis.every_trial import folds_grid, trials_grid
from analysis.findings import findings_of, headline
from analysis.report import write_report
from analysis.runs import count_left_out, load_study, trial_frame
from study.core.errors import ConfigError
from study.core.mlflow_notes import ROLE


def test_the_newest_study_run_is_read_with_one_row_a_trial(store):
    runs = load_study("demo", store)
    assert runs.trials["number"].tolist() == list(range(8))
    assert runs.trials["state"].tolist() == ["complete"] * 5 + ["failed", "incomplete", "complete"]
    assert runs.info.metric == "accuracy"


def test_what_is_not_compared_is_counted_by_reason(store):
    runs = load_study("demo", store)
    assert runs.left_out == {"failed": 1, "incomplete": 1, "told again": 1, "complete without a score": 0}
    assert runs.compared["number"].tolist() == [0, 1, 2, 3, 4]


def test_trials_that_were_stopped_are_counted_where_there_are_any():
    states = ("complete", "pruned", "infeasible", "pruned")
    counted = count_left_out(trial_frame([{"number": i, "state": s, "score": 0.5} for i, s in enumerate(states)]))
    assert counted == {
        "failed": 0, "incomplete": 0, "pruned": 2, "infeasible": 1, "told again": 0, "complete without a score": 0
    }  # fmt: skip


def test_a_null_lambda_and_an_unrecorded_metric_are_missing(store):
    trials = load_study("demo", store).trials.set_index("number")
    assert trials["lam"].isna()[1]
    assert trials["lam"][2] == 10
    assert trials["latency/ms"].isna().all()


def test_a_head_has_no_rank(store):
    assert load_study("demo", store).trials["rank"].isna()[0]


def test_a_pattern_of_ranks_is_no_number_and_is_kept_as_it_was_told(store):
    trials = load_study("patterns", store).trials
    assert trials["rank"].isna().tolist() == [False, True]
    assert trials["rank_pattern"].fillna("").tolist() == ["", "attention:8,ffn:2"]


def test_folds_come_one_a_row(store):
    folds = load_study("demo", store).folds
    assert folds[folds["number"] == 2]["score"].tolist() == [0.899, 0.901, 0.915]


@pytest.mark.parametrize("prefix", ["", "partial/"], ids=["of an earlier version", "of this one"])
@pytest.mark.parametrize(("state", "status"), [("pruned", "KILLED"), ("", "FAILED")], ids=["stopped", "failed"])
def test_the_mean_of_a_part_of_the_folds_is_no_score(fresh, prefix, state, status):
    client, study = MlflowClient(tracking_uri=fresh), load_study("demo", fresh).info
    tags = {"level": "trial", "trial": "9", "label": "easy", "state": state}
    figures = {f"{prefix}score": 0.99, "score/fold_1": 0.99} | ({"partial/folds": 1.0} if prefix else {})
    marks = {"mlflow.parentRunId": study.run_id, **{f"lora_study.{key}": tag for key, tag in tags.items()}}
    run = client.create_run(study.experiment, tags=marks).info.run_id
    for name, value in figures.items():
        client.log_metric(run, name, value)
    client.set_terminated(run, status)
    runs = load_study("demo", fresh)
    assert runs.trials.set_index("number")["score"].isna()[9]
    for grid in (trials_grid(runs), folds_grid(runs)):
        assert "(0.9900 of 1 fold)" in grid.rows[-1]


def test_an_unknown_study_is_an_error_that_names_the_known_ones(store):
    with pytest.raises(ReportError, match=r"study=nope: no study of this name.*demo.*none.*one.*patterns"):
        load_study("nope", store)


def test_an_experiment_without_a_study_run_is_an_error(store):
    with pytest.raises(ReportError, match="holds no study"):
        load_study("foreign", store)


def test_an_absent_database_is_an_error_and_stays_absent(tmp_path):
    with pytest.raises(ConfigError, match="no such database"):
        load_study("demo", f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_program_is_left_as_it_is(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "optuna.db") as db:
        db.execute("create table studies (id integer)")
    db.close()
    before = (tmp_path / "optuna.db").read_bytes()
    with pytest.raises(ConfigError, match="without the tables of MLflow"):
        load_study("demo", f"sqlite:///{tmp_path}/optuna.db")
    assert (tmp_path / "optuna.db").read_bytes() == before


def test_a_figure_that_is_no_number_is_missing_whatever_the_store_makes_of_it(odd, tmp_path):
    runs = load_study("odd", odd)
    assert runs.left_out["complete without a score"] == 1
    assert runs.trials.set_index("number")["params/trainable"].isna()[9]
    assert runs.folds[runs.folds["number"] == 8]["score"].tolist() == [0.8, 0.9]
    assert runs.info.metrics == {}
    findings = findings_of(runs)
    assert not {8, 9} & {*findings.front["number"]}
    assert headline(findings).startswith("Choose lora r2 qv all: ")
    for name in ("report.md", "index.html"):
        text = (write_report("odd", tmp_path, odd).parent / name).read_text(encoding="utf-8")
        assert "e+308" not in text.split("<script>")[0] + text.split("</script>")[-1]


def test_of_a_number_the_newest_run_says_what_the_trial_is_to_the_answer(fresh):
    client, earlier = MlflowClient(tracking_uri=fresh), load_study("demo", fresh)
    number, run = int(earlier.trials["number"].iloc[0]), client.get_run(earlier.trials["run_id"].iloc[0])
    client.set_tag(run.info.run_id, ROLE, "**Recommended.**")
    tags = {**run.data.tags, ROLE: "**A candidate.**"}
    again = client.create_run(run.info.experiment_id, run.info.start_time + 1000, tags)
    client.log_batch(again.info.run_id, params=[Param(k, v) for k, v in run.data.params.items()])
    client.set_terminated(again.info.run_id)
    runs = load_study("demo", fresh)
    assert runs.roles[number] == "**A candidate.**"
    assert set(runs.trials.loc[runs.trials["number"] == number, "run_id"]) == {again.info.run_id}
