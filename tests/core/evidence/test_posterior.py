"""Draws of the true gains: calibrated where it is hard, and not misled by what is far away."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import study

from study.core.evidence.posterior import contenders, draw
from study.core.evidence.sources import estimate


def test_draws_are_a_function_of_the_seed() -> None:
    estimates = estimate(study(np.full(5, 0.8), 3).table)
    assert draw(estimates, 50, seed=1).shape == (50, 5)
    assert (draw(estimates, 50, seed=1) == draw(estimates, 50, seed=1)).all()
    assert (draw(estimates, 50, seed=1) != draw(estimates, 50, seed=2)).any()


def test_where_differences_are_large_the_draws_lie_where_the_scores_are() -> None:
    estimates = estimate(study(np.linspace(0.3, 0.9, 6), 5, "rouge", examples=5000, training=0.002).table)
    gains = draw(estimates, 4000)
    assert gains.mean(axis=0) == pytest.approx(estimates.means, abs=0.002)
    difference = estimates.covariance[0, 0] + estimates.covariance[1, 1] - 2 * estimates.covariance[0, 1]
    assert (gains[:, 0] - gains[:, 1]).std() == pytest.approx(np.sqrt(difference), rel=0.1)


def test_a_head_far_below_does_not_unshrink_the_plateau() -> None:
    levels = np.full(12, 0.85)
    plain = estimate(study(levels, 5, seed=4).table)
    head = estimate(study(np.append(levels[:-1], 0.5), 5, seed=4).table)
    assert contenders(plain).all()
    assert contenders(head).tolist() == [True] * 11 + [False]
    spreads = [float(draw(e, 4000)[:, :11].mean(axis=0).std()) for e in (plain, head)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.5, abs=1e-3)
    assert spreads[1] < head.means[:11].std() / 2
    assert draw(head, 4000)[:, 11].mean() == pytest.approx(head.means[11], abs=0.01)


def test_a_lone_good_one_is_hardly_shrunk() -> None:
    levels = np.append(np.full(20, 0.7), 0.9)
    estimates = estimate(study(levels, 5, seed=1).table)
    assert draw(estimates, 4000)[:, 20].mean() == pytest.approx(estimates.means[20], abs=0.01)


@pytest.mark.parametrize("answers", [True, False])
def test_what_is_held_probable_is_as_often_true(answers: bool) -> None:
    """The truth lies in the middle 90 % of the draws that often, or a little more: all spreads are integrated over."""
    ranks = []
    for seed in range(40):
        levels = np.random.default_rng(seed).normal(0.75, 0.01, 15)
        simulated = study(levels, 4, "rouge", seed, examples=400, answers=answers)
        gains = draw(estimate(simulated.table), 300, seed)
        contrast, truth = gains - gains.mean(axis=1, keepdims=True), simulated.truth - simulated.truth.mean()
        ranks.append((contrast < truth).mean(axis=0))
    inside = np.mean(abs(np.array(ranks) - 0.5) < 0.45)
    assert 0.88 < inside < 0.985


def test_no_fold_to_measure_by_gives_no_draws() -> None:
    assert np.isnan(draw(estimate(study(np.full(3, 0.8), 1).table), 5)).all()


def test_one_configuration_alone_has_its_own_mean_and_error() -> None:
    estimates = estimate(study(np.array([0.8]), 5).table)
    gains = draw(estimates, 4000)
    assert gains.mean() == pytest.approx(estimates.means[0], abs=0.002)
    assert gains.std() == pytest.approx(np.sqrt(estimates.covariance[0, 0]), rel=0.3)


def test_less_training_noise_makes_surer() -> None:
    estimates = estimate(study(np.linspace(0.75, 0.85, 8), 3, examples=20_000, training=0.03).table)
    surer = replace(estimates, unit=estimates.unit / 50)
    assert draw(surer, 2000)[:, 0].std() < draw(estimates, 2000)[:, 0].std() / 2
