"""The probability to add to the front."""

import moocore
import numpy as np
import pytest

from study.core.evidence.front_gain import adds_to_front
from study.core.figures import MAXIMIZE, MINIMIZE
from study.core.pareto import undominated_mask


@pytest.mark.parametrize("seed", range(20))
def test_with_one_draw_it_is_the_front(seed: int) -> None:
    generator = np.random.default_rng(seed)
    gains, costs = generator.normal(size=15), generator.integers(0, 6, (15, 2)).astype(float)
    front = undominated_mask(np.column_stack([gains, costs]), [MAXIMIZE, MINIMIZE, MINIMIZE])
    assert adds_to_front(gains[None], costs).tolist() == front.astype(float).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_the_front_is_moocores(seed: int) -> None:
    generator = np.random.default_rng(seed)
    gains, costs = generator.normal(size=30), generator.normal(size=(30, 2))
    front = moocore.is_nondominated(np.column_stack([-gains, costs]))
    assert adds_to_front(gains[None], costs).tolist() == front.astype(float).tolist()


def test_it_counts_draws_and_asks_for_more_than_the_tolerance() -> None:
    draws = np.array([[0.5, 0.6], [0.5, 0.52], [0.5, 0.4], [0.5, 0.7]])
    assert adds_to_front(draws, np.array([1.0, 2.0]), 0.05).tolist() == [1, 0.5]
    assert adds_to_front(draws, np.array([1.0, 2.0])).tolist() == [1, 0.75]


def test_without_costs_all_others_are_rivals() -> None:
    draws = np.array([[0.5, 0.6, 0.1], [0.7, 0.6, 0.1]])
    assert adds_to_front(draws, np.empty((3, 0))).tolist() == [0.5, 0.5, 0]


def test_what_lacks_a_cost_is_neither_on_the_front_nor_a_rival() -> None:
    assert adds_to_front(np.array([[0.5, 0.9]]), np.array([1.0, np.nan])) == pytest.approx([1, np.nan], nan_ok=True)
