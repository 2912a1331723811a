"""Intervals of differences and claims that hold for all pairs at once."""

import baycomp
import numpy as np
import pytest
from scipy import stats
from simulated import study

from study.core.evidence.compare import Comparison, inverse_chi_square
from study.core.evidence.sources import estimate
from study.core.evidence.table import ScoreTable, Worths

LEVELS = np.array([0.9, 0.9, 0.7, 0.9])


def test_without_answers_the_interval_is_students_with_the_pooled_error() -> None:
    estimates = estimate(study(LEVELS, 4, answers=False).table)
    contrast = Comparison(estimates).against(0)[1]
    half = stats.t.ppf(0.975, 9) * np.sqrt(2 * estimates.variance * (1 / 4 + 1 / 3))
    assert contrast.se == pytest.approx(np.sqrt(2 * estimates.variance * (1 / 4 + 1 / 3)))
    assert (contrast.low, contrast.high) == pytest.approx((contrast.mean - half, contrast.mean + half), rel=0.02)


def test_two_configurations_without_answers_are_compared_as_baycomp_does() -> None:
    """The correlated t-test of Corani and Benavoli is what is left where nothing can be pooled."""
    table = study(LEVELS[:2], 6, answers=False, seed=4).table
    contrast = Comparison(estimate(table)).against(0)[1]
    mean, variance, freedom = baycomp.CorrelatedTTest.compute_statistics(table.scores[0], table.scores[1])
    assert (contrast.mean, contrast.se) == pytest.approx((mean, np.sqrt(variance)))
    low, high = stats.t.interval(0.95, freedom, mean, np.sqrt(variance))
    assert (contrast.low, contrast.high) == pytest.approx((low, high), rel=0.02, abs=1e-3)


def test_two_configurations_without_answers_have_the_error_of_nadeau_and_bengio() -> None:
    """The corrected error is s times the root of one over k plus the split ratio."""
    scores = np.array([[0.80, 0.84, 0.79, 0.83, 0.85], [0.78, 0.83, 0.80, 0.80, 0.81]])
    contrast = Comparison(estimate(ScoreTable(range(2), scores, np.full(5, 100), 5))).against(0)[1]
    error = np.std(scores[1] - scores[0], ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert (contrast.mean, contrast.se) == pytest.approx(((scores[1] - scores[0]).mean(), error))
    half = stats.t.ppf(0.975, 4) * error
    assert (contrast.low, contrast.high) == pytest.approx((contrast.mean - half, contrast.mean + half), rel=0.03)


def test_one_shared_fold_gives_no_interval() -> None:
    contrast = Comparison(estimate(ScoreTable(range(2), np.array([[0.80], [0.78]]), np.full(1, 100), 1))).against(0)[1]
    assert contrast.mean == pytest.approx(-0.02)
    assert contrast.distinguishable is None


@pytest.mark.parametrize(("grain", "least"), [(1.0, 1 / 72), (0.0, 0.0)])
def test_equal_differences_in_two_folds_are_no_certainty_where_one_answer_moves_a_score(
    grain: float, least: float
) -> None:
    scores = np.array([[0.5, 0.7], [0.6, 0.8]])
    table = ScoreTable(range(2), scores, np.full(2, 36), 2, grain=grain)
    assert Comparison(estimate(table)).against(0)[1].se == pytest.approx(least, abs=1e-9)
    unknown = ScoreTable(range(2), scores, np.full(2, np.nan), 2, grain=grain)
    assert Comparison(estimate(unknown)).against(0)[1].se == pytest.approx(0, abs=1e-9)


def test_simultaneous_intervals_of_independent_means_are_tukeys() -> None:
    """With equal variances the largest |t| of all pairs is the studentized range over √2."""
    estimates = estimate(study(np.full(6, 0.8), 5, answers=False).table)
    contrast = Comparison(estimates).against(0)[3]
    half = stats.studentized_range.ppf(0.95, 6, estimates.freedom) / np.sqrt(2) * contrast.se
    assert (contrast.simultaneous_high - contrast.simultaneous_low) / 2 == pytest.approx(half, rel=0.05)


def test_a_large_difference_is_distinguishable_and_equals_are_not() -> None:
    contrasts = Comparison(estimate(study(LEVELS, 5).table)).against(0)
    assert [contrast.distinguishable for contrast in contrasts] == [False, False, True, False]
    assert contrasts[2].mean == pytest.approx(-0.2, abs=0.05)
    assert all(c.simultaneous_low <= c.low and c.high <= c.simultaneous_high for c in contrasts)


def test_claims_are_the_simultaneous_intervals_that_leave_zero_out() -> None:
    comparison = Comparison(estimate(study(LEVELS, 5, seed=1).table))
    claims = comparison.claims()
    assert claims.tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [-1, -1, 0, -1], [0, 0, 1, 0]]
    for row in range(4):
        assert [contrast.distinguishable for contrast in comparison.against(row)] == (claims[row] != 0).tolist()


def test_the_reference_differs_from_itself_by_nothing() -> None:
    contrast = Comparison(estimate(study(LEVELS, 5).table)).against(2)[2]
    assert (contrast.number, contrast.mean, contrast.low, contrast.high) == (2, 0, 0, 0)


def test_one_fold_gives_no_interval() -> None:
    contrast = Comparison(estimate(study(LEVELS, 1).table)).against(0)[2]
    assert np.isnan(contrast.low)
    assert contrast.distinguishable is None


@pytest.mark.parametrize(("differing", "claimed"), [(3, False), (60, True)])
def test_a_difference_of_few_answers_is_no_claim_even_where_all_go_one_way(differing: int, claimed: bool) -> None:
    fold, labels = np.arange(200) % 4, np.zeros(200, int)
    predicted = np.zeros((2, 200), int)
    predicted[1, :differing] = 1
    scores = np.stack([(predicted == 0)[:, fold == f].mean(axis=1) for f in range(4)], axis=1)
    answers = Worths(fold, "accuracy", predicted=predicted, labels=labels)
    contrast = Comparison(estimate(ScoreTable(range(2), scores, np.full(4, 50), 4, answers))).against(0)[1]
    assert contrast.distinguishable is claimed
    assert contrast.se >= np.sqrt(differing) / 200


def test_the_inverse_chi_square_is_scipys_and_one_where_all_is_known() -> None:
    assert inverse_chi_square(np.array(7.0), np.array(0.3)) == pytest.approx(7 / stats.chi2.isf(0.3, 7))
    assert inverse_chi_square(np.array(np.inf), np.array(0.3)) == 1
