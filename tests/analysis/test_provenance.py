"""The provenance says of data, folds, training, search and machine what was recorded, and a dash for the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.findings import findings_of
from analysis.provenance import left_out, provenance
from analysis.runs import load_study
from analysis.view import view_of

PARAMS = {
    "task.name": "file", "task.limit": "200", "task.metric": "None", "task.shuffle_labels": "False",
    "study.folds": "3", "study.seed": "5", "model.name": "minilm", "model.precision": "float32", "train.lr": "0.001",
    "engine.pack": "auto", "sampler": "{'_target_': 'optuna.samplers.TPESampler', 'multivariate': True}",
    "pruner._target_": "study.search.pruners.racing.Racing", "search.baselines": "['head', 'full']",
    "constraints": "['latency/ms <= 10']", "launcher.workers": "None", "space": '{"method.rank": "choice(1,2)"}',
    "objectives": '["score", "params/trainable"]', "report.confidence": "0.9",
}  # fmt: skip
TAGS = {
    "metric": "rouge2", "command": "-m study.folds=3", "examples": "160", "test_examples": "40", "device": "cpu",
    "data_fingerprint": "d4", "folds_fingerprint": "f0", "model_fingerprint": "m1", "machine": "Linux",
    "git_commit": "abc", "git_dirty": "True", "versions": '{"torch": "2.13"}', "notes": '{"limit": "200 used"}',
}  # fmt: skip


@pytest.fixture
def runs(store):
    runs = load_study("demo", store)
    trials = runs.trials.assign(**{"pack/members": [1.0, 1.0, 4.0, *[None] * (len(runs.trials) - 3)]})
    info = replace(runs.info, params=PARAMS, tags=TAGS)
    return replace(
        runs, info=info, trials=trials, changes={1: {"train.lr": "0.0001"}, 2: {"model.precision": "bfloat16"}}
    )


def rows(runs):
    return {name: value for _, part in provenance(runs) for name, value in part}


def test_what_was_recorded_is_said(runs):
    expected = {
        "command": "lora-study -m study.folds=3", "compared": "5 of 8 trials", "constraints": "latency/ms <= 10",
        "left out": "3 of 8 trials (1 failed, 1 incomplete, 1 told again)",
        "objectives": "maximize score, minimize params/trainable",
        "given up for a cheaper model": "0.005, with confidence 0.9", "task": "file", "task settings": "limit 200",
        "examples": "160", "test examples": "40", "about the data": "limit: 200 used", "data fingerprint": "d4",
        "folds and seed": "3, 5", "folds fingerprint": "f0", "model": "minilm", "model fingerprint": "m1",
        "precision of what is frozen": "bfloat16, float32", "learning rate": "0.0001, 0.001",
        "trained together": "1 to 4 members, by engine.pack=auto", "space": "method.rank: choice(1,2)",
        "baselines": "head, full", "sampler": "TPESampler", "pruner": "Racing", "versions": "torch 2.13",
        "git commit": "abc", "uncommitted changes": "True", "device": "cpu", "machine": "Linux",
        "workers": "one for each GPU or core",
    }  # fmt: skip
    said = rows(runs)
    assert {name: said[name] for name in expected} == expected


def test_what_an_earlier_version_did_not_record_is_a_dash(runs):
    said = rows(replace(runs, info=replace(runs.info, params={}, tags={}), changes={}))
    for name in ("command", "task", "sampler", "pruner", "versions", "device", "workers", "epochs", "constraints"):
        assert said[name] == "–"
    assert said["trained together"] == "1 to 4 members, by engine.pack=–"


def test_what_was_left_out_is_said_where_something_was(runs):
    assert left_out(runs) == "Left out: 3 of 8 trials (1 failed, 1 incomplete, 1 told again)."
    assert left_out(replace(runs, left_out=dict.fromkeys(runs.left_out, 0))) == ""
    assert rows(replace(runs, left_out={}))["left out"] == "nothing"


def test_why_the_search_ended_before_its_budget_is_said_behind_it_and_nothing_where_it_went_on(runs):
    def ended(reason):
        return replace(runs, info=replace(runs.info, tags={**runs.info.tags, "ending": reason}))

    reason = "the search stopped after 8 of 60 trials: what is left is expected to add 0.004 to the front"
    assert left_out(ended(reason)) == f"{left_out(runs)} T{reason[1:]}."
    assert left_out(ended("")) == left_out(runs)
    assert left_out(replace(ended(reason), left_out={})) == f"T{reason[1:]}."


def test_it_says_by_what_this_report_recommends_where_that_was_asked_anew(runs):
    view = view_of(findings_of(runs, tolerance=0.02, confidence=0.8))
    said = {name: value for _, part in view.provenance for name, value in part}
    assert said["given up for a cheaper model"] == "0.02, with confidence 0.8"
