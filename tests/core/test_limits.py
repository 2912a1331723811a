"""No interval that is shown leaves what its figure can be."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from study.core.formatting import MISSING, interval
from study.core.limits import NOTHING, SHARES, difference_interval
from study.core.metrics import NAMES

ENDS = st.tuples(st.floats(-20, 20), st.floats(0, 40)).map(lambda both: (both[0], both[0] + both[1]))


@given(st.sampled_from(SHARES), ENDS)
def test_scores_from_0_to_1_differ_by_no_more_than_1(metric: str, ends: tuple[float, float]) -> None:
    assume(ends[0] < 1 and ends[1] > -1)  # about a mean of differences, which are possible
    text = difference_interval(metric, *ends)
    if text == NOTHING:
        assert ends[0] <= -1
        assert ends[1] >= 1
    else:
        assert all(-1 <= float(end) <= 1 for end in re.findall(r"[-+]\d+\.\d+", text))


@given(ENDS)
def test_a_metric_of_ones_own_has_no_limits(ends: tuple[float, float]) -> None:
    assert difference_interval("profit", *ends) == interval(*ends)


def test_what_is_possible_is_shown_as_it_is_and_what_is_missing_is_missing() -> None:
    assert difference_interval("accuracy", -0.02, 0.01) == "[-0.0200, +0.0100]"
    assert difference_interval("accuracy", math.nan, math.nan) == MISSING


@pytest.mark.parametrize("metric", NAMES)
def test_the_suites_own_metrics_are_shares(metric: str) -> None:
    assert metric in SHARES
