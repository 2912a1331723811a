"""What would let a study decide: the part of its error that can shrink says which."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import repeated_study, reveal, study

from study.core.evidence.outlook import MOST_REPEATS, examples_needed, outlook, repeats_needed, tolerance_needed
from study.core.evidence.posterior import draw
from study.core.evidence.sources import Estimates, estimate
from study.core.evidence.verdict import CANNOT_TELL, CHOOSE, decide

LEVELS = np.array([0.80, 0.83, 0.80])


def of_trainings() -> Estimates:
    """Ten folds of very many examples, so that the trainings alone make it unsure."""
    return estimate(study(LEVELS, 10, "rouge", examples=30_000, training=0.03, seed=8).table)


def of_examples() -> Estimates:
    """Few examples, and trainings that add nothing to what these explain."""
    small = estimate(study(LEVELS, 3, examples=60, training=0.0, seed=5).table)
    return replace(small, rest=small.explained)


def test_repeats_are_offered_where_the_trainings_are_unsure_and_examples_where_these_are() -> None:
    repeats, examples = (outlook(e, [0, 1, 2], 0.002, 0.9) for e in (of_trainings(), of_examples()))
    assert repeats.repeats is not None
    assert 1 < repeats.repeats <= MOST_REPEATS
    assert (repeats.examples, repeats.tolerance) == (None, None)
    assert examples.examples is not None
    assert 1 < examples.examples <= 1000
    assert (examples.repeats, examples.tolerance) == (None, None)


def test_where_neither_helps_the_tolerance_is_named_with_which_the_data_decide() -> None:
    unsure = of_trainings()
    said = outlook(replace(unsure, unit=np.diag(unsure.lasting[0])), [0, 1, 2], 0.0, 0.999)
    assert (said.repeats, said.examples) == (None, None)
    assert said.tolerance is not None
    gains = draw(unsure, 4000, seed=1)
    needed = tolerance_needed(unsure, 0.9)
    within = (gains >= gains.max(axis=1, keepdims=True) - needed).mean(axis=0)
    assert within.max() == pytest.approx(0.9, abs=0.02)


def test_more_repeats_of_one_alone_are_worth_less_than_of_all_that_are_undecided() -> None:
    unsure = of_trainings()
    everyone, one = repeats_needed(unsure, 0.002, 0.9), repeats_needed(unsure, 0.002, 0.9, rows=[0])
    assert everyone is not None
    assert one is None or one > everyone


def test_what_was_needed_falls_with_the_tolerance_and_rises_with_the_confidence() -> None:
    by_tolerance = [examples_needed(of_examples(), tolerance, 0.9) for tolerance in (0.02, 0.01, 0.002)]
    by_confidence = [examples_needed(of_examples(), 0.01, confidence) for confidence in (0.7, 0.8, 0.9)]
    for needed in (by_tolerance, by_confidence):
        assert None not in needed
        assert needed == sorted(needed)  # type: ignore[type-var]
        assert needed[0] != needed[-1]


def test_as_many_repeats_as_were_said_do_decide_about_as_often_as_not() -> None:
    decided = said = 0
    for seed in range(30):
        whole = repeated_study(LEVELS, 5, 8, "rouge", seed, examples=3000, training=0.02).table
        trained = np.zeros(whole.scores.shape, bool)
        trained[:, :5] = True
        first = decide(reveal(whole, trained), np.array([2.0, 1.0, 0.0]), 0.005, seed=seed)
        if first.kind != CANNOT_TELL:
            continue
        needed = repeats_needed(estimate(reveal(whole, trained)), 0.005, 0.9, seed, first.undecided)
        if needed is not None and needed <= 8:
            trained[:, : 5 * needed] = True
            said += 1
            decided += decide(reveal(whole, trained), np.array([2.0, 1.0, 0.0]), 0.005, seed=seed).kind == CHOOSE
    assert said >= 5
    assert decided / said > 0.3


def test_the_tolerance_that_was_said_to_decide_decides() -> None:
    for seed in range(10):
        table = study(np.full(6, 0.8), 3, "accuracy", seed, examples=150).table
        needed = tolerance_needed(estimate(table), 0.9)
        assert decide(table, np.arange(6.0), needed).kind == CHOOSE
        assert decide(table, np.arange(6.0), 0.99 * needed).kind == CANNOT_TELL
