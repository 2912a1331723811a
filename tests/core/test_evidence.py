"""The statistics, against scipy."""

from math import isnan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from study.core.evidence import compare_to_best, mean_and_se, paired_difference

A = pd.Series([0.80, 0.84, 0.79, 0.83, 0.85])
B = pd.Series([0.78, 0.83, 0.80, 0.80, 0.81])


def test_mean_and_standard_error_equal_scipys():
    assert mean_and_se(A.tolist()) == pytest.approx((A.mean(), stats.sem(A)))


def test_one_value_has_a_mean_and_no_standard_error():
    mean, se = mean_and_se([0.5])
    assert mean == 0.5
    assert isnan(se)


def test_the_paired_interval_equals_scipys():
    paired = paired_difference(A, B)
    expected = stats.ttest_rel(A, B).confidence_interval(0.95)
    assert (paired.low, paired.high) == pytest.approx((expected.low, expected.high))


def test_the_corrected_error_is_s_times_root_of_one_over_k_plus_the_split_ratio():
    paired = paired_difference(A, B, nadeau_bengio=True)
    assert paired.se == pytest.approx(np.std(A - B, ddof=1) * sqrt(1 / 5 + 1 / 4))


def test_only_shared_folds_are_compared():
    assert paired_difference(A, B.iloc[:3]).folds == 3


def test_one_shared_fold_gives_no_interval():
    paired = paired_difference(A, B.iloc[:1])
    assert paired.mean == pytest.approx(0.02)
    assert paired.distinguishable is None


def test_verdicts_name_the_best_the_worse_and_the_unscored():
    scores = {0: (0.9, 0.91, 0.92), 1: (0.5, 0.51, 0.525), 2: (0.91, 0.91, 0.9)}
    folds = pd.DataFrame(
        [(n, i, s) for n, v in scores.items() for i, s in enumerate(v)], columns=["number", "fold", "score"]
    )
    verdicts = compare_to_best(folds, [0, 1, 2, 3], best=0)["verdict"].tolist()
    assert verdicts == ["best", "distinguishable", "not distinguishable", "too few folds"]
