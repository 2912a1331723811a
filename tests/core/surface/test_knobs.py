"""Searched keys become numbers on the scale on which they were searched."""

import numpy as np
import pytest

from study.core.surface.knobs import FEW, PLACES, knobs_of


def only(column, sweep=""):
    (knob,) = knobs_of({"key": column}, {"key": sweep})
    return knob


@pytest.mark.parametrize(
    ("column", "sweep", "log"),
    [
        ([1, 2, 4, 8], "", True),
        (["0.1", "5.0", "1000.0"], "interval(0.1, 1000)", True),
        ([1e-4, 3e-4], "tag(log, interval(1e-4, 1e-3))", True),
        ([1, 2, 3, 4], "range(1,5)", False),
        ([0.1, 0.2, 0.5], "interval(0.1, 0.5)", False),
        ([1, 2], "choice(1,2)", False),
        ([-1, 0, 100], "", False),
    ],
)
def test_numbers_are_logarithmic_by_their_sweep_a_wide_span_or_powers_of_two(column, sweep, log):
    assert only(column, sweep).log is log


def test_the_scale_runs_from_the_smallest_to_the_largest_number():
    assert only([1, 4, 16]).scale(np.array([1.0, 4.0, 16.0])) == pytest.approx([0, 0.5, 1])
    assert only([1, 2, 3]).scale(np.array([1.0, 2.0, 3.0])) == pytest.approx([0, 0.5, 1])


def test_words_are_choices_and_truth_values_too():
    knob = only(["top-half", "all", None, "all"])
    assert knob.levels == ("all", "top-half")
    assert knob.values.tolist() == pytest.approx([1, 0, float("nan"), 0], nan_ok=True)
    assert (knob.numeric, knob.apart, knob.name(1)) == (False, "none", "top-half")
    assert only(["True", "False"]).levels == ("False", "True")


@pytest.mark.parametrize(
    ("column", "apart", "there"),
    [
        (["0.1", "None", "10.0"], "none", [True, False, True]),
        ([2, 0, 32], "0", [True, False, True]),
        ([2, 0, None, 32], "none or 0", [True, False, False, True]),
        ([2, 8, 32], "", [True, True, True]),
    ],
)
def test_a_key_that_is_not_there_or_is_zero_on_a_logarithmic_scale_is_a_level_of_its_own(column, apart, there):
    knob = only(column)
    assert knob.apart == apart
    assert knob.there.tolist() == there


def test_a_key_that_does_not_differ_is_no_knob():
    assert knobs_of({"one": [8, 8, 8], "none": [None] * 3, "either": [8, None, 8]}) != ()
    assert [knob.key for knob in knobs_of({"one": [8, 8], "none": [None, None], "two": [1, 2]})] == ["two"]


def test_a_key_of_one_number_or_none_at_all_differs_between_trials():
    (knob,) = knobs_of({"lam": [10, None, 10]})
    assert (knob.apart, knob.shown.tolist()) == ("none", [10])


def test_few_numbers_are_shown_themselves_and_many_by_even_steps_of_their_scale():
    assert only([4, 1, 16, 4]).shown.tolist() == [1, 4, 16]
    shown = only(np.geomspace(0.1, 1000, FEW + 1)).shown
    assert len(shown) == PLACES
    assert shown[1:] / shown[:-1] == pytest.approx(np.full(PLACES - 1, 10 ** (4 / (PLACES - 1))))
