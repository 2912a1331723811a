"""What a study says to choose."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import study

from study.core.evidence.outlook import repeats_needed
from study.core.evidence.sources import estimate
from study.core.evidence.verdict import CANNOT_TELL, CHOOSE, MEANWHILE, NOTHING_BEATS, decide

COSTS = np.arange(6.0)
RISING = np.array([0.5, 0.6, 0.7, 0.85, 0.85, 0.85])  # the fourth is the cheapest of the best


def sure(levels: np.ndarray = RISING, **settings):
    return study(levels, 5, "rouge", examples=4000, training=0.003, **settings).table


def test_the_cheapest_within_the_tolerance_is_chosen() -> None:
    verdict = decide(sure(), COSTS, tolerance=0.02)
    assert (verdict.kind, verdict.recommended, verdict.candidates) == (CHOOSE, 3, (3,))
    assert verdict.within[3] >= 0.9
    assert verdict.within[:3].tolist() == [0, 0, 0]
    assert verdict.on_front[:4].tolist() == [1, 1, 1, 1]


def test_the_order_of_costs_decides_not_that_of_scores() -> None:
    assert decide(sure(), COSTS[::-1], tolerance=0.02).recommended == 5
    assert decide(sure(), np.where(COSTS == 4, 0, 1), tolerance=0.02).recommended == 4


def test_of_several_costs_the_first_says_what_is_cheap_and_all_make_the_front() -> None:
    costs = np.column_stack([COSTS, COSTS[::-1]])
    verdict = decide(sure(), costs, tolerance=0.02)
    assert verdict.recommended == 3
    assert verdict.on_front.tolist() == [1] * 6  # each costs less than all others, in one way or the other
    assert decide(sure(), costs[:, :1], tolerance=0.02).on_front[4:].max() < 0.9


def test_what_was_stopped_is_a_rival_and_is_not_chosen() -> None:
    table = sure()
    scores = table.scores.copy()
    scores[3, 3:] = np.nan
    answers = replace(
        table.answers, worth=np.where(np.isnan(scores[:, table.answers.fold]), np.nan, table.answers.worth)
    )
    stopped = decide(replace(table, scores=scores, answers=answers), COSTS, tolerance=0.02)
    assert (stopped.kind, stopped.recommended) == (CHOOSE, 4)
    assert stopped.within[3] > 0.5
    scores[3, :3] += 0.1  # it was far better than all others
    doubtful = decide(replace(table, scores=scores, answers=None), COSTS, tolerance=0.02)
    assert doubtful.kind == CANNOT_TELL
    assert 3 not in {doubtful.recommended, doubtful.best, *doubtful.candidates}


def test_an_unknown_cost_is_taken_last() -> None:
    costs = np.array([0, 1, 2, np.nan, 4, 5])
    assert decide(sure(), costs, tolerance=0.02).recommended == 4


def test_what_trains_nothing_and_is_near_enough_beats_everything() -> None:
    verdict = decide(sure(np.full(6, 0.8)), COSTS, tolerance=0.02, free=[0])
    assert (verdict.kind, verdict.recommended) == (NOTHING_BEATS, 0)
    assert decide(sure(np.full(6, 0.8)), COSTS, tolerance=0.02, levels=[0.85]).recommended is None
    assert decide(sure(np.full(6, 0.8)), COSTS, tolerance=0.02, levels=[0.85]).kind == NOTHING_BEATS
    assert decide(sure(), COSTS, tolerance=0.02, free=[0], levels=[0.5]).kind == CHOOSE


def test_two_small_folds_of_noise_cannot_tell_and_lean_to_the_cheap() -> None:
    table = study(np.full(12, 0.55), 2, examples=144, seed=3, training=0.02).table
    verdict = decide(table, np.arange(12.0), tolerance=0.01)
    assert verdict.kind == CANNOT_TELL
    assert verdict.recommended is not None
    assert verdict.recommended in verdict.candidates
    assert verdict.within.max() < 0.9
    assert len(verdict.candidates) > 2
    assert verdict.within[: verdict.recommended].max(initial=0) < MEANWHILE * verdict.within.max()
    assert verdict.within[verdict.recommended] >= MEANWHILE * verdict.within.max()


def test_what_is_taken_meanwhile_is_never_beaten_in_score_at_no_more_cost() -> None:
    costs, likeliest = np.random.default_rng(0).permutation(12) + 1.0, 0
    for seed in range(12):
        levels = np.random.default_rng(seed).normal(0.8, 0.03, 12)
        table = study(levels, 5, examples=200, seed=seed, training=0.08).table
        verdict, means = decide(table, costs, tolerance=0.01), estimate(table).means
        if verdict.kind == CANNOT_TELL:
            beaten = [bool(np.any((means > means[row]) & (costs <= costs[row]))) for row in range(12)]
            assert not beaten[verdict.recommended]
            likeliest += any(
                b for b, share in zip(beaten, verdict.within, strict=True) if share >= MEANWHILE * max(verdict.within)
            )
    assert likeliest > 0  # some that is beaten was probable enough


def test_the_candidates_hold_the_choice_with_the_confidence_asked_for() -> None:
    table = study(np.full(12, 0.55), 2, examples=144, seed=3, training=0.02).table
    few, many = (decide(table, np.arange(12.0), 0.01, confidence=c).candidates for c in (0.9, 0.99))
    assert few == many[: len(few)]
    assert len(few) < len(many)


def test_repeats_would_decide_where_trainings_are_the_noise_and_not_where_examples_are() -> None:
    levels = np.array([0.80, 0.83, 0.80])
    noisy = estimate(study(levels, 10, "rouge", examples=30_000, training=0.03, seed=8).table)
    verdict = decide(noisy, np.array([2.0, 1.0, 0.0]), tolerance=0.002)
    assert verdict.kind == CANNOT_TELL
    needed = repeats_needed(noisy, 0.002, 0.9, rows=verdict.undecided)
    assert needed is not None
    assert 1 < needed <= 50
    small = estimate(study(np.full(3, 0.8), 3, examples=60, training=0.0, seed=5).table)
    assert repeats_needed(replace(small, rest=small.explained), 0.002, 0.9) is None


def test_one_fold_cannot_tell_and_recommends_nothing() -> None:
    verdict = decide(study(RISING, 1).table, COSTS, 0.01)
    assert (verdict.kind, verdict.recommended, verdict.candidates) == (CANNOT_TELL, None, tuple(range(6)))
    assert np.isnan(verdict.within).all()


def test_one_configuration_alone_is_the_choice() -> None:
    verdict = decide(study(np.array([0.8]), 3).table, np.ones(1), 0.01)
    assert (verdict.kind, verdict.recommended) == (CHOOSE, 0)


@pytest.mark.parametrize("answers", [True, False])
def test_a_verdict_is_a_function_of_its_seed(answers: bool) -> None:
    table = study(np.full(8, 0.8), 3, answers=answers).table
    first, second = (decide(table, np.arange(8.0), 0.01, seed=4) for _ in range(2))
    assert first.within.tolist() == second.within.tolist()
    assert first.candidates == second.candidates
