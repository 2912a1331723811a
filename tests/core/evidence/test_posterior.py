"""Draws of the true gains: calibrated where it is hard, and not misled by what is far away."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import family_study, reveal, study

from study.core.evidence.posterior import contenders, draw, likeness
from study.core.evidence.sources import Estimates, estimate
from study.core.evidence.verdict import CHOOSE, decide


def test_draws_are_a_function_of_the_seed() -> None:
    estimates = estimate(study(np.full(5, 0.8), 3).table)
    assert draw(estimates, 50, seed=1).shape == (50, 5)
    assert (draw(estimates, 50, seed=1) == draw(estimates, 50, seed=1)).all()
    assert (draw(estimates, 50, seed=1) != draw(estimates, 50, seed=2)).any()


@pytest.mark.parametrize("answers", [True, False])
def test_draws_do_not_depend_on_the_signs_and_the_order_in_which_axes_come(
    answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which differ from one CPU to the next, and with them whether a probability is above 0.9."""
    estimates, eigh = estimate(study(np.linspace(0.5, 0.9, 8), 4, answers=answers).table), np.linalg.eigh

    def turned(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, axes = eigh(matrix)
        return values[::-1], -axes[:, ::-1]

    before = draw(estimates)
    monkeypatch.setattr(np.linalg, "eigh", turned)
    assert draw(estimates) == pytest.approx(before, abs=1e-6)


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


def far_off(estimates: Estimates, first: int, second: int) -> float:
    """How far the draws' mean difference of two rows is from the measured one, in its standard errors."""
    gains, covariance = draw(estimates, 4000), estimates.covariance
    error = np.sqrt(covariance[first, first] + covariance[second, second] - 2 * covariance[first, second])
    measured = estimates.means[first] - estimates.means[second]
    return float(abs((gains[:, first] - gains[:, second]).mean() - measured) / error)


@pytest.mark.parametrize("members", [4, 12, 24])
def test_many_that_answer_alike_do_not_hide_what_they_share_against_others(members: int) -> None:
    estimates = estimate(family_study(np.array([0.55, 0.6, 0.75, 0.8]), members).table)
    assert far_off(estimates, 4 * members - 1, 0) < 1


def test_copies_of_one_change_nothing_between_two_others() -> None:
    levels = np.array([0.6, 0.6, 0.8])
    lone, crowded = family_study(levels, 1, seed=3).table, family_study(levels, 25, seed=3, alike=1).table
    kept = np.r_[0:25, 25, 50]  # 25 copies of the first, and one of each of the others
    answers = replace(crowded.answers, predicted=crowded.answers.predicted[kept])
    crowded = replace(crowded, numbers=range(27), scores=crowded.scores[kept], answers=answers)
    assert far_off(estimate(lone), 2, 1) < 1
    assert far_off(estimate(crowded), 26, 25) < 1


def test_a_cheap_family_that_is_worse_is_not_chosen() -> None:
    chosen = []
    for seed in range(10):
        simulated = family_study(np.array([0.6, 0.62, 0.72, 0.73]), 12, seed=seed)
        verdict = decide(simulated.table, np.arange(48.0), 0.01)
        if verdict.kind == CHOOSE:
            chosen.append(simulated.truth.max() - simulated.truth[verdict.recommended])
    assert sum(regret > 0.05 for regret in chosen) <= 1


@pytest.mark.parametrize(("spread", "most"), [(0.0, 1.0), (0.03, 0.985), (0.08, 0.985)])
def test_of_families_too_what_is_held_probable_is_about_as_often_true(spread: float, most: float) -> None:
    """A little less often: six families say little of how far families lie apart, and the draws shrink too much."""
    inside = []
    for seed in range(40):
        levels = 0.7 + spread * np.random.default_rng(seed).standard_normal(6)
        simulated = family_study(levels, 6, seed=seed)
        gains = draw(estimate(simulated.table), 300, seed)
        contrast, truth = gains - gains.mean(axis=1, keepdims=True), simulated.truth - simulated.truth.mean()
        inside.append(np.mean(abs((contrast < truth).mean(axis=0) - 0.5) < 0.45))
    assert 0.8 < np.mean(inside) <= most


def test_where_no_answers_were_kept_or_all_are_alike_the_prior_is_independent() -> None:
    without = estimate(study(np.array([0.7, 0.8, 0.9, 0.91]), 3, answers=False).table)
    copies = estimate(family_study(np.array([0.7]), 4, alike=1).table)
    assert [likeness(e.pairs.unlike).tolist() for e in (without, copies)] == [np.eye(4).tolist()] * 2


def test_that_bad_ones_were_stopped_changes_little_between_those_that_were_not() -> None:
    """Their answers are fewer, and no more unlike the others' for that; in standard errors."""
    levels, changes = np.append(np.linspace(0.5, 0.7, 12), [0.8, 0.83, 0.85, 0.87]), []
    for seed in range(16):
        table = study(levels, 5, "accuracy", seed, examples=200, training=0.04).table
        trained = np.ones(table.scores.shape, bool)
        trained[:12, 1 + seed % 2 :] = False
        whole, raced = (estimate(each) for each in (table, reveal(table, trained)))
        error = np.sqrt(whole.covariance[15, 15] + whole.covariance[12, 12] - 2 * whole.covariance[15, 12])
        changes.append(
            float(np.diff([(draw(e, 1000)[:, [15, 12]] @ [1, -1]).mean() for e in (whole, raced)])[0] / error)
        )
    assert np.sqrt(np.mean(np.square(changes))) < 0.7


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
