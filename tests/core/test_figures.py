"""One table of figures: which way is better, how folds are combined, and what may be an objective."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.core.errors import ConfigError
from study.core.figures import FIGURES, OBJECTIVES, SCORES, combine, direction, partial_figures
from study.data.examples import Documents, Graph, Pairs, Texts

MAXIMIZED = ("score", *SCORES, "speed/tokens_per_second")


def test_scores_and_speed_are_maximized_and_everything_else_is_a_cost() -> None:
    assert {name for name in OBJECTIVES if direction(name) == "maximize"} == set(MAXIMIZED)
    assert {direction(name) for name in set(OBJECTIVES) - set(MAXIMIZED)} == {"minimize"}


def test_whatever_examples_are_scored_by_is_a_score() -> None:
    assert {*Texts.scores, *Graph.scores, *Documents.scores, *Pairs.scores} == set(SCORES)


def test_an_unknown_objective_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        direction("f1")
    assert all(name in str(caught.value) for name in OBJECTIVES)


@pytest.mark.parametrize("name", [name for name, figure in FIGURES.items() if figure.barred])
def test_a_figure_that_nothing_can_be_traded_for_is_refused_with_the_true_reason(name: str) -> None:
    with pytest.raises(ConfigError, match=FIGURES[name].barred):
        direction(name)


VALUES = st.floats(0, 1e6)


@given(st.lists(VALUES, min_size=1, max_size=8))
def test_times_are_summed_memory_is_the_largest_and_the_rest_the_mean(values: list[float]) -> None:
    names = ("time/train_seconds", "memory/peak_bytes", "latency/ms", "score")
    out = combine([dict.fromkeys(names, value) for value in values])
    assert out["time/train_seconds"] == sum(values)
    assert out["memory/peak_bytes"] == max(values)
    assert out["latency/ms"] == out["score"] == statistics.fmean(values)
    assert ("score_se" in out) == (len(values) > 1)
    assert "latency/ms_se" not in out
    if len(values) > 1:
        assert out["score_se"] == pytest.approx(statistics.stdev(values) / math.sqrt(len(values)))


def test_a_figure_that_one_fold_alone_has_is_that_folds() -> None:
    assert combine([{"score": 0.5, "latency/ms": 3.0}, {"score": 0.7}])["latency/ms"] == 3.0


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_the_mean_of_a_part_of_the_folds_has_no_name_of_a_whole_ones(values: list[float]) -> None:
    whole = combine([{"score": v, "accuracy": v, "loss": v, "params/trainable": 7.0} for v in values])
    whole |= {f"score/fold_{k}": v for k, v in enumerate(values)}
    part = partial_figures(whole)
    assert not {"score", "score_se", "accuracy", "accuracy_se", "loss", "loss_se"} & part.keys()
    assert (part["partial/score"], part["partial/folds"]) == (whole["score"], len(values))
    assert part["params/trainable"] == 7.0
    assert partial_figures(part) == part
