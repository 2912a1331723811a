"""Costs that decide: equal where measuring once more could turn them round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import study

from study.core.evidence.costs import compared_costs, join_equals
from study.core.evidence.judgement import judge

MEASURED = st.lists(st.tuples(st.floats(1, 100), st.floats(0, 10)), min_size=1, max_size=12)


def figures(*each: dict[str, float]) -> dict[int, dict[str, float]]:
    return dict(enumerate(each))


def test_costs_whose_spreads_overlap_are_equal() -> None:
    joined = join_equals(np.array([10.0, 10.4, 12.0, np.nan, 9.9]), np.array([0.3, 0.5, 0.2, 0.0, 0.0]))
    assert joined == pytest.approx([9.9, 10.4, 12.0, np.nan, 9.9], nan_ok=True)


@given(MEASURED)
def test_joining_keeps_the_order_and_what_has_no_spread(measured: list[tuple[float, float]]) -> None:
    values, spreads = np.array(measured).T
    joined = join_equals(values, spreads)
    order = np.argsort(values, kind="stable")
    assert (np.diff(joined[order]) >= 0).all()
    assert (joined <= values).all()
    assert join_equals(values, np.zeros(len(values))).tolist() == values.tolist()


def test_of_equal_costs_the_higher_score_is_chosen_whatever_was_measured() -> None:
    table = study(np.array([0.80, 0.86, 0.60]), 5, "rouge", examples=4000, training=0.003).table
    for first, second in ((10.0, 10.1), (10.1, 10.0)):
        spread = {"alone/latency_ms_iqr": 0.4}
        measured = figures({"latency/ms": first, **spread}, {"latency/ms": second, **spread}, {"latency/ms": 5.0})
        assert judge(table, measured, ["score", "latency/ms"], 0.1, 0.9).recommended == 1
    exact = figures({"latency/ms": 10.0}, {"latency/ms": 10.1}, {"latency/ms": 5.0})
    assert judge(table, exact, ["score", "latency/ms"], 0.1, 0.9).recommended == 0


def test_what_adds_up_over_folds_counts_as_for_all_of_them() -> None:
    table = study(np.full(2, 0.8), 4, answers=False).table
    table.scores[1, 1:] = np.nan
    seconds = figures({"time/train_seconds": 40.0}, {"time/train_seconds": 10.0})
    assert compared_costs(table, seconds, ["score", "time/train_seconds"]).tolist() == [[40.0], [40.0]]
    stored = figures({"params/stored": 5.0}, {"params/stored": 7.0})
    assert compared_costs(table, stored, ["score", "params/stored"]).tolist() == [[5.0], [7.0]]
