"""The front's data: axes, budgets, filters, room, and where a run is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.axes import axes_of
from analysis.bundle import as_json
from analysis.explorer import ROOM, budgets_grid, explorer_of, ladder
from analysis.findings import findings_of
from analysis.runs import load_study
from analysis.view import view_of
from study.core.mlflow_pages import pages_at


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
    data = explorer_of(runs, 2, {"majority": 0.52})
    x, y = ([axis["name"] for axis in data["axes"]].index(data[key]) for key in ("x", "y"))
    assert (data["x"], data["y"], data["recommended"]) == ("params/trainable", "score", 2)
    assert [trial["values"][x] for trial in data["trials"]] == [100, 1000, 2000, 4000, 8000]
    assert data["trials"][2]["values"][y] == pytest.approx(0.905)
    assert data["trials"][2]["errors"][y] == 0.006
    assert data["trials"][2]["settings"] == {
        "method": "lora", "rank": "4", "λ": "10", "targets": "qv", "layers": "top-half",
    }  # fmt: skip
    assert data["levels"] == [{"name": "majority", "value": 0.52}]
    assert {f["name"]: f["values"] for f in data["filters"]}["method"] == ["head", "lora"]
    assert json.loads(as_json(data)) == data


def test_a_level_that_the_caption_calls_too_far_off_is_not_drawn_over_the_trials(runs):
    figures = {"reference/majority/accuracy": 0.1, "reference/lead/accuracy": 0.75}
    findings = findings_of(replace(runs, info=replace(runs.info, metrics=figures)))
    assert "Too far off to be drawn: majority 0.1000." in findings.plots[0].caption
    assert view_of(findings).explorer["levels"] == [{"name": "lead", "value": 0.75}]


def test_a_ladder_is_the_best_score_for_each_budget(runs):
    (cost,) = [axis for axis in axes_of(runs.compared, (), "accuracy") if axis.name == "params/trainable"]
    assert ladder(runs.compared, cost, higher_is_better=True) == [0, 1, 2, 3]
    assert ladder(runs.compared, cost, higher_is_better=False) == [0]
    assert [row[0] for row in budgets_grid(runs).rows] == ["from 100", "from 1,000", "from 2,000", "from 4,000"]


def test_a_budget_of_speed_buys_at_least_so_much(runs):
    trials = runs.trials.assign(**{"speed/tokens_per_second": [5.0, 4.0, 3.0, 2.0, 1.0, *[None] * 3]})
    fast = replace(runs, trials=trials)
    data = explorer_of(fast, None, {})
    assert data["ladders"]["speed/tokens_per_second"] == [0, 1, 2, 3]
    assert {axis["name"]: axis["up"] for axis in data["axes"]}["speed/tokens_per_second"]


def test_of_more_trials_than_there_is_room_for_no_budgets_best_is_left_out(runs):
    rng, count = np.random.default_rng(0), 3 * ROOM
    rows = pd.concat([runs.trials.iloc[[1]]] * count, ignore_index=True)
    cost = 10 ** rng.uniform(2, 6, count)
    rows = rows.assign(number=range(count), score=np.log(cost) + rng.normal(size=count), **{"params/trainable": cost})
    data = explorer_of(replace(runs, trials=rows), None, {})
    drawn = {trial["number"] for trial in data["trials"]}
    assert (len(drawn), data["left_out"]) == (ROOM, 2 * ROOM)
    assert {n for steps in data["ladders"].values() for n in steps} <= drawn


def test_a_study_without_a_scored_trial_has_no_axes(store):
    data = explorer_of(load_study("none", store), None, {})
    assert (data["axes"], data["x"], data["y"], data["trials"]) == ([], None, None, [])
    assert budgets_grid(load_study("none", store)).rows == ()


@pytest.mark.parametrize(
    ("uri", "pages"),
    [("sqlite:///x.db", ""), ("/some/folder", ""), ("http://localhost:5000/", "http://localhost:5000"),
     ("https://me:secret@host/mlflow?x=1", "https://host/mlflow")],
)  # fmt: skip
def test_a_servers_pages_are_linked_without_a_password(uri, pages):
    assert pages_at(uri) == pages


def test_a_run_of_a_server_is_linked(runs):
    served = replace(runs, server="http://localhost:5000")
    trial = explorer_of(served, None, {})["trials"][0]
    place = f"#/experiments/{runs.info.experiment}/runs/{trial['run']}?workflowType=machine_learning"
    assert trial["link"] == f"http://localhost:5000/{place}"


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_data_ends_or_opens_an_element_and_all_is_read_back(data):
    text = as_json(data)
    assert not set("<>&") & set(text)
    assert json.loads(text) == data
