"""The front's data: axes, budgets, filters, room, and where a run is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.axes import axes_of, axis_of
from analysis.budget_words import budgets_grid, limit_text
from analysis.budgets import MOST, even_places
from analysis.bundle import as_json
from analysis.explorer import ROOM, explorer_of
from analysis.findings import findings_of
from analysis.runs import load_study
from analysis.view import view_of
from study.core.alone import LOADED
from study.core.figures import MAXIMIZE
from study.core.formatting import probability
from study.core.mlflow_pages import pages_at, ui_command


@pytest.fixture
def runs(store):
    return load_study("demo", store)


def test_the_studys_own_objectives_come_first_then_costs_then_scores(runs):
    names = [axis.name for axis in axes_of(runs.compared, ("score", "memory/train_bytes"), "accuracy")]
    assert names == ["memory/train_bytes", "score", "params/trainable", "macro_f1"]


def test_a_figure_that_no_trial_has_is_no_axis_and_bytes_are_shown_in_mib(runs):
    axes = {axis.name: axis for axis in axes_of(runs.compared, ("score", "params/trainable"), "accuracy")}
    assert "latency/ms" not in axes
    assert (axes["memory/train_bytes"].unit, axes["memory/train_bytes"].scale * 2**20) == ("MiB", 1)
    assert axes["score"].title == "accuracy"


def test_the_data_holds_every_compared_trial_with_its_numbers_its_error_and_its_configuration(runs):
    data = explorer_of(findings_of(runs), {"majority": 0.52})
    x, y = ([axis["name"] for axis in data["axes"]].index(data[key]) for key in ("x", "y"))
    assert (data["x"], data["y"], data["recommended"], data["mark"]) == ("params/trainable", "score", 2, "recommended")
    assert [trial["values"][x] for trial in data["trials"]] == [100, 1000, 2000, 4000, 8000]
    assert data["trials"][2]["values"][y] == pytest.approx(0.905)
    assert data["trials"][2]["errors"][y] == 0.006
    assert data["trials"][2]["settings"] == ["lora", "top-half", "qv"]
    assert data["levels"] == [{"name": "majority", "value": 0.52}]
    assert {f["name"]: f["values"] for f in data["filters"]}["method"] == ["head", "lora"]
    assert json.loads(as_json(data)) == data


def test_a_trial_that_is_pointed_at_says_every_searched_key_its_costs_and_its_probabilities(runs):
    info = replace(runs.info, params={**runs.info.params, "space": '{"train.lr": "", "train.epochs": ""}'})
    searched = replace(runs, info=info, changes={2: {"train.lr": "0.003", "train.epochs": "4", "method.rank": "4"}})
    trials = searched.trials.assign(**{"latency/ms": [9.0] * 5 + [None] * 3, "params/total": 22_713_986.0})
    f = findings_of(replace(searched, trials=trials.infer_objects()))
    data = explorer_of(f, {})
    trial = data["trials"][2]
    assert dict(zip(data["keys"], trial["chosen"], strict=True)) == {
        "learning rate": "0.003",
        "epochs": "4",
        "rank": "4",
    }
    texts = dict(zip([axis["short"] for axis in data["axes"]], trial["texts"], strict=True))
    assert texts["accuracy"] == "0.9050 ± 0.0060"
    assert (texts["latency"], texts["parameters in all"]) == (f"9.00 ms{LOADED}", "22,713,986")
    assert [axis["short"] for axis in data["axes"] if axis["first"]] == ["trained parameters", "accuracy"]
    verdict = f.judgement.verdict
    sure = [probability(verdict.within[2]), probability(verdict.on_front[2])]
    assert (data["probabilities"], trial["sure"]) == (["Within 0.01 of the best", "On the front"], sure)
    assert [*f.probabilities(2).values()] == sure
    assert 22_713_986 in trial["values"]


def test_a_level_that_the_caption_calls_too_far_off_is_not_drawn_over_the_trials(runs):
    figures = {"reference/majority/accuracy": 0.1, "reference/lead/accuracy": 0.75}
    findings = findings_of(replace(runs, info=replace(runs.info, metrics=figures)))
    assert "Too far off to be drawn: majority 0.1000." in findings.plots[0].caption
    assert view_of(findings).explorer["levels"] == [{"name": "lead", "value": 0.75}]


def test_each_budget_has_the_verdict_on_what_is_within_it_as_if_there_were_no_other(runs):
    f = findings_of(runs)
    ladder = f.budgets["params/trainable"]
    assert [(step.limit, step.count) for step in ladder.steps] == [(100, 1), (1000, 2), (2000, 3), (4000, 4), (8000, 5)]
    for step in ladder.steps:
        alone = findings_of(replace(runs, trials=runs.trials[runs.trials["params/trainable"] <= step.limit])).judgement
        assert (step.number, step.kind) == (alone.recommended, alone.verdict.kind)
        assert step.near == alone.verdict.within[alone.verdict.recommended]
    assert ladder.steps[-1].number == f.judgement.recommended


def test_the_table_of_budgets_says_what_to_take_and_how_sure_that_is(runs):
    grid = budgets_grid(findings_of(runs))
    assert grid.headings[0] == "Budget (trained parameters)"
    assert [row[0] for row in grid.rows] == [f"at most {n}" for n in ("100", "1,000", "2,000", "4,000", "8,000")]
    assert grid.rows[1][1:3] == ("lora r2 qv all", "1")
    assert grid.notes == ()


def test_a_budget_of_speed_is_at_least_so_much(runs):
    trials = runs.trials.assign(**{"speed/tokens_per_second": [5.0, 4.0, 3.0, 2.5, 1.0, *[None] * 3]})
    data = explorer_of(findings_of(replace(runs, trials=trials.infer_objects())), {})
    steps = data["budgets"]["speed/tokens_per_second"]["steps"]
    assert [step["bound"] for step in steps] == [f"at least {n} tokens/s" for n in ("5", "4", "3", "2.5", "1")]
    assert {axis["name"]: axis["up"] for axis in data["axes"]}["speed/tokens_per_second"]


def test_a_shown_bound_lets_in_what_it_is_the_cost_of(runs):
    for name, value in (
        ("latency/ms", 13.3149),
        ("speed/tokens_per_second", 7.77777),
        ("params/trainable", 22_713_986.0),
    ):
        axis = axis_of(name, runs.compared, "accuracy")
        number = float(limit_text(axis, value).split()[2].replace(",", ""))
        assert number <= value if axis.direction == MAXIMIZE else number >= value
        assert number == pytest.approx(value, rel=1e-3)


def test_where_one_fold_measures_no_error_a_budget_buys_the_highest_score(runs):
    folds = runs.folds[runs.folds["fold"] == 0]
    f = findings_of(
        replace(runs, folds=folds, info=replace(runs.info, params={**runs.info.params, "study.folds": "1"}))
    )
    ladder = f.budgets["params/trainable"]
    assert [step.number for step in ladder.steps] == [0, 1, 2, 3, 3]
    assert "nothing measures how sure that is" in explorer_of(f, {})["budgets"]["params/trainable"]["steps"][3]["said"]


def many_of(runs, count):
    rng = np.random.default_rng(0)
    rows = pd.concat([runs.trials.iloc[[1]]] * count, ignore_index=True)
    cost = 10 ** rng.uniform(2, 6, count)
    return rows.assign(number=range(count), score=np.log(cost) + rng.normal(size=count), **{"params/trainable": cost})


def test_of_many_trials_few_budgets_are_judged_and_that_is_said(runs):
    f = findings_of(replace(runs, trials=many_of(runs, 40)))
    ladder = f.budgets["params/trainable"]
    assert (len(ladder.steps), ladder.possible) == (MOST, 40)
    assert ladder.steps[-1].count == 40
    assert budgets_grid(f).notes == ("Judged at 24 of 40 budgets, evenly.",)
    assert list(even_places(3, 24)) == [0, 1, 2]


def test_of_more_trials_than_there_is_room_for_none_that_a_budget_buys_or_a_front_holds_is_left_out(runs):
    f = findings_of(replace(runs, trials=many_of(runs, 3 * ROOM)))
    data = explorer_of(f, {})
    drawn = {trial["number"] for trial in data["trials"]}
    assert (len(drawn), data["left_out"]) == (ROOM, 2 * ROOM)
    assert {step["trial"] for step in data["budgets"]["params/trainable"]["steps"]} <= drawn
    assert set(f.front["number"]) <= drawn


def test_a_study_without_a_scored_trial_has_no_axes(store):
    f = findings_of(load_study("none", store))
    data = explorer_of(f, {})
    assert (data["axes"], data["x"], data["y"], data["trials"], data["budgets"]) == ([], None, None, [], {})
    assert budgets_grid(f).rows == ()


@pytest.mark.parametrize(
    ("uri", "pages"),
    [("sqlite:///x.db", ""), ("/some/folder", ""), ("http://localhost:5000/", "http://localhost:5000"),
     ("https://me:secret@host/mlflow?x=1", "https://host/mlflow")],
)  # fmt: skip
def test_a_servers_pages_are_linked_without_a_password(uri, pages):
    assert pages_at(uri) == pages


def test_a_run_of_a_server_is_linked(runs):
    served = replace(runs, server="http://localhost:5000")
    place = f"#/experiments/{runs.info.experiment}/runs/?workflowType=machine_learning"
    assert explorer_of(findings_of(served), {})["runs"] == f"http://localhost:5000/{place}"


@pytest.mark.parametrize(
    ("given_uri", "environment", "command"),
    [
        ("sqlite:///my runs.db", None, "mlflow ui --backend-store-uri 'sqlite:///my runs.db'"),
        ("postgresql://me:secret@host/db", None, "mlflow ui --backend-store-uri 'postgresql://me:***@host/db'"),
        (None, None, "mlflow ui"),
        (None, "sqlite:///there.db", "mlflow ui --backend-store-uri sqlite:///there.db"),
        (None, "http://host:5000", ""),
        ("https://host", None, ""),
    ],
)
def test_the_command_that_shows_the_pages_names_the_store_and_there_is_none_for_a_servers(
    monkeypatch, given_uri, environment, command
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if environment:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", environment)
    assert ui_command(given_uri) == command


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_data_ends_or_opens_an_element_and_all_is_read_back(data):
    text = as_json(data)
    assert not set("<>&") & set(text)
    assert json.loads(text) == data
