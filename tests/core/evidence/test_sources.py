"""The two sources of error, against what was put into simulated studies."""

from dataclasses import replace

import numpy as np
import pytest
from simulated import study

from study.core.evidence.additive import fit
from study.core.evidence.examples import covariance, noise, pairs
from study.core.evidence.sources import estimate
from study.core.evidence.table import ScoreTable, Worths

EQUAL = np.full(12, 0.8)


def contrast(matrix: np.ndarray, a: int, b: int) -> float:
    return matrix[a, a] + matrix[b, b] - 2 * matrix[a, b]


def test_the_example_variance_of_a_difference_is_that_of_its_paired_answers() -> None:
    table = study(EQUAL[:3], 5, "rouge", seed=2).table
    assert table.answers is not None
    difference = table.answers.each[0] - table.answers.each[1]
    centered = difference - np.array([difference[table.answers.fold == f].mean() for f in range(5)])[table.answers.fold]
    expected = (centered**2).sum() / 600 / (600 - 5)
    floor = (table.answers.grain / 600) ** 2
    shared = covariance(table, fit(table.trained), noise(table))
    assert contrast(shared, 0, 1) == pytest.approx(expected + floor)


def test_the_bootstrap_of_a_mean_agrees_with_its_exact_covariance() -> None:
    table = study(EQUAL[:3], 4, "accuracy", seed=1).table
    model = fit(table.trained)
    exact = covariance(table, model, noise(table))
    drawn = np.cov(model.means(noise(table, 20_000)))
    assert drawn == pytest.approx(exact, rel=0.05, abs=3e-6)


def test_groups_of_equal_answers_count_once() -> None:
    table = study(EQUAL[:4], 3, "rouge", seed=3, examples=300).table
    assert table.answers is not None
    thrice = Worths(np.tile(table.answers.fold, 3), "rouge", worth=np.tile(table.answers.each, 3),
                    group=np.tile(np.arange(300), 3))  # fmt: skip
    grouped = replace(table, answers=thrice)
    single, triple = (covariance(t, fit(t.trained), noise(t)) for t in (table, grouped))
    assert contrast(triple, 0, 1) == pytest.approx(contrast(single, 0, 1), rel=1e-3)
    assert pairs(grouped).floor == pytest.approx(pairs(table).floor)


def test_the_same_examples_answered_twice_count_once() -> None:
    table = study(EQUAL[:4], 3, "rouge", seed=3, examples=300).table
    assert table.answers is not None
    answers = Worths(np.concatenate([table.answers.fold, table.answers.fold + 3]), "rouge",
                     worth=np.tile(table.answers.each, 2), example=np.tile(np.arange(300), 2))  # fmt: skip
    twice = ScoreTable(range(4), np.tile(table.scores, 2), np.tile(table.sizes, 2), 3, answers)
    once, again = estimate(table), estimate(twice)
    assert again.examples == pytest.approx(once.examples)
    assert again.pairs.floor == pytest.approx(once.pairs.floor)
    assert (once.unit[0, 0], again.unit[0, 0]) == pytest.approx((1 / 3 + 1 / 2, 1 / 6 + 1 / 2))
    assert (again.repeats, again.splits) == (2, 3)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "rouge"])
def test_the_training_variance_is_what_examples_do_not_explain(metric: str) -> None:
    quiet, loud = (
        np.mean([estimate(study(EQUAL, 5, metric, s, training=t, overlap=False).table).variance for s in range(12)])
        for t in (0.0, 0.03)
    )
    slope = 1.0 if metric != "macro_f1" else 1.1
    assert quiet < 1.5e-4
    assert loud == pytest.approx(0.03**2 * slope, rel=0.25)


def test_a_mean_over_k_folds_has_the_nadeau_bengio_factor_and_repeats_lessen_the_folds_part_of_it() -> None:
    one = estimate(study(EQUAL, 5, answers=False).table)
    assert np.diag(one.unit) == pytest.approx(np.full(12, 1 / 5 + 1 / 4))
    table = study(EQUAL, 10, answers=False).table
    twice = estimate(replace(table, splits=5))
    assert np.diag(twice.unit) == pytest.approx(np.full(12, 1 / 10 + 1 / 4))
    assert twice.lasting == pytest.approx(np.stack([np.full(12, 1 / 4), np.zeros(12)]))


def test_of_a_configuration_that_was_not_repeated_the_error_is_that_of_one_cross_validation() -> None:
    table = study(EQUAL, 10, answers=False).table
    scores = table.scores.copy()
    scores[4:, 5:] = np.nan
    some = np.diag(estimate(replace(table, scores=scores, splits=5)).unit)
    assert some[:4] == pytest.approx(np.full(4, 1 / 10 + 1 / 4))
    assert (some[4:] > 1 / 5 + 1 / 4).all()  # the folds of the others are known from four configurations alone
    assert (some[4:] < 1 / 5 + 1 / 4 + 1 / 30).all()


def test_without_answers_the_rest_is_the_error_on_all_degrees_of_freedom() -> None:
    table = study(EQUAL, 3, answers=False).table
    estimates = estimate(table)
    left = fit(table.trained).residuals(table.scores)
    assert estimates.freedom == 11 * 2
    assert estimates.variance == pytest.approx((left**2).sum() / 22)


def test_a_configuration_stopped_after_one_fold_is_less_sure_and_moves_no_other() -> None:
    table = study(EQUAL, 5, answers=False).table
    scores = table.scores.copy()
    scores[3, 1:] = np.nan
    estimates = estimate(replace(table, scores=scores))
    others = np.arange(12) != 3
    assert estimates.means[others] == pytest.approx(table.scores[others].mean(axis=1))
    assert np.diag(estimates.unit)[others] == pytest.approx(np.full(11, 0.45))
    assert np.diag(estimates.unit)[3] > 1.25


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "rouge"])
def test_raced_configurations_with_answers_are_as_sure_as_their_folds_allow(metric: str) -> None:
    table = study(EQUAL, 5, metric, seed=3).table
    assert table.answers is not None
    scores, stopped = table.scores.copy(), np.isin(table.answers.fold, [2, 3, 4])
    scores[[1, 4], 2:] = np.nan
    raced = {}
    for name in ("worth", "predicted"):
        values = getattr(table.answers, name)
        if values is not None:
            raced[name] = values.copy()
            raced[name][np.ix_([1, 4], stopped)] = np.nan if name == "worth" else -1
    partial = estimate(replace(table, scores=scores, answers=replace(table.answers, **raced)))
    full = estimate(table)
    assert partial.means[[0, 2, 3]] == pytest.approx(full.means[[0, 2, 3]])
    assert partial.freedom == full.freedom - 6
    for more, less in ((partial.examples, full.examples), (partial.unit, full.unit)):
        assert 1.3 < contrast(more, 1, 4) / contrast(less, 1, 4) < 4
        assert contrast(more, 0, 2) == pytest.approx(contrast(less, 0, 2), rel=0.02)
    assert abs(partial.means[1] - full.means[1]) < 4 * np.sqrt(contrast(partial.covariance, 1, 0))


@pytest.mark.parametrize("answers", [True, False])
def test_diverged_configurations_keep_their_variance_and_do_not_spoil_the_pool(answers: bool) -> None:
    training = np.full(12, 0.01)
    training[[2, 7]] = 0.25
    estimates = estimate(study(EQUAL, 5, "rouge", 5, training=training, answers=answers).table)
    assert estimates.exceptions == (2, 7)
    assert np.sqrt(estimates.rest) < 0.02
    assert np.sqrt(estimates.trainings[2, 2]) > 0.05
    assert np.sqrt(estimates.trainings[0, 0]) < 0.02


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("rows", [4, 6, 8])
def test_one_that_diverged_is_an_exception_in_a_small_study_too(rows: int, k: int) -> None:
    """Least squares hand its residuals down to the others, and the more so the fewer they are."""
    widths = []
    for seed in range(10):
        scores = 0.85 + 0.01 * np.random.default_rng(seed).standard_normal((rows, k))
        usual = estimate(ScoreTable(range(rows), scores, np.full(k, 300), k, grain=1.0))
        scores[1] = 0.5 + 1000 * (scores[1] - 0.85)
        diverged = estimate(ScoreTable(range(rows), scores, np.full(k, 300), k, grain=1.0))
        assert usual.exceptions == ()
        assert diverged.exceptions == (1,)
        widths.append(np.sqrt(diverged.rest / usual.rest))
    assert np.mean(widths) < 1.5


def test_where_most_do_not_differ_at_all_nobody_is_an_exception() -> None:
    scores = np.tile([0.7, 0.8, 0.9], (6, 1))
    scores[0] = [0.8, 0.8, 0.8]
    assert estimate(ScoreTable(range(6), scores, np.full(3, np.nan), 3)).exceptions == ()


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("rows", [4, 8, 24])
def test_small_studies_of_equal_variances_have_hardly_an_exception(rows: int, k: int) -> None:
    draws = 0.85 + 0.01 * np.random.default_rng(rows * k).standard_normal((200, rows, k))
    tables = (ScoreTable(range(rows), scores, np.full(k, 300), k, grain=1.0) for scores in draws)
    assert sum(bool(estimate(table).exceptions) for table in tables) <= 8


def test_equal_variances_have_hardly_an_exception() -> None:
    studies = [estimate(study(EQUAL, 5, "rouge", seed, examples=200).table) for seed in range(60)]
    assert sum(bool(estimates.exceptions) for estimates in studies) <= 4


def test_equal_differences_on_two_folds_give_no_certainty() -> None:
    labels = np.zeros(40, int)
    predicted = np.zeros((3, 40), int)
    predicted[1, [0, 1]] = 1  # one more mistake on each fold
    fold = np.arange(40) % 2
    scores = np.stack([(predicted == labels)[:, fold == f].mean(axis=1) for f in (0, 1)], axis=1)
    estimates = estimate(ScoreTable(range(3), scores, np.array([20, 20]), 2,
                                    Worths(fold, "accuracy", predicted=predicted, labels=labels)))  # fmt: skip
    assert estimates.pairs.floor[0, 1] == pytest.approx(2 / 40**2)
    assert contrast(estimates.covariance, 0, 2) >= 1 / 40**2 * 0.999


def test_one_fold_measures_no_training() -> None:
    estimates = estimate(study(EQUAL, 1).table)
    assert estimates.freedom == 0
    assert np.isnan(estimates.variance)
    assert np.isnan(estimates.covariance).all()
