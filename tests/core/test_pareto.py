"""The Pareto front, as properties."""

import moocore
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.core.pareto import pareto_front, undominated_mask

value = st.one_of(st.integers(0, 5).map(float), st.just(float("nan")))
SIGNS = np.array([-1.0, 1.0])


def front_of(rows):
    frame = pd.DataFrame(rows, columns=["score", "cost"], dtype=float)
    return pareto_front(frame, ["score", "cost"], ["maximize", "minimize"]).to_numpy(), frame.to_numpy() * SIGNS


def dominates(a, b):
    return (a <= b).all() and (a < b).any()


@given(st.lists(st.tuples(value, value), max_size=25))
def test_no_member_is_dominated_and_every_other_complete_row_is(rows):
    mask, costs = front_of(rows)
    for i, cost in enumerate(costs):
        dominated = any(dominates(other, cost) for other in costs)
        assert mask[i] == (not dominated and not np.isnan(cost).any())


def test_a_result_told_again_stays_out():
    frame = pd.DataFrame({"score": [1.0, 1.0], "cost": [1.0, 1.0], "duplicate_of": [None, "0"]})
    assert pareto_front(frame, ["score", "cost"], ["maximize", "minimize"]).tolist() == [True, False]


def test_an_objective_that_no_trial_recorded_leaves_the_front_empty():
    frame = pd.DataFrame({"score": [1.0]})
    assert pareto_front(frame, ["score", "cost"], ["maximize", "minimize"]).tolist() == [False]


def random_points(seed: int, objectives: int) -> np.ndarray:
    """Fifty points of which some are equal and many agree in one objective."""
    return np.random.default_rng(seed).integers(0, 12, (50, objectives)) / 12


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_front_is_moocores(objectives):
    for seed in range(50):
        points = random_points(seed, objectives)
        ours = undominated_mask(points, ["minimize"] * (objectives - 1) + ["maximize"])
        theirs = moocore.is_nondominated(points, maximise=[False] * (objectives - 1) + [True], keep_weakly=True)
        assert ours.tolist() == theirs.tolist()
        assert 0 < ours.sum() < 50
