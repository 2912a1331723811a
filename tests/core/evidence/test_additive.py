"""Configuration + fold + rest, against the plain least squares of numpy."""

import numpy as np
import pytest

from study.core.evidence.additive import fit


def table(seed: int, rows: int = 6, folds: int = 4, missing: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    trained = generator.random((rows, folds)) >= missing
    trained[:, 0] = trained[0] = True
    return generator.normal(size=(rows, folds)), trained


def least_squares(scores: np.ndarray, trained: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    rows, folds = np.nonzero(trained)
    design = np.zeros((len(rows), sum(scores.shape)))
    design[np.arange(len(rows)), rows] = design[np.arange(len(rows)), len(scores) + folds] = 1
    both, _, rank, _ = np.linalg.lstsq(design, scores[trained], rcond=None)
    left = np.zeros(scores.shape)
    left[trained] = scores[trained] - design @ both
    return both[: len(scores)] + both[len(scores) :].mean(), left, len(rows) - rank


@pytest.mark.parametrize("seed", range(5))
def test_means_residuals_and_freedom_equal_numpys_where_folds_lack(seed: int) -> None:
    scores, trained = table(seed, missing=0.4)
    means, left, freedom = least_squares(scores, trained)
    model = fit(trained)
    assert model.means(scores) == pytest.approx(means)
    assert model.residuals(scores) == pytest.approx(left)
    assert model.freedom == freedom == pytest.approx(model.left().sum())


def test_a_full_table_has_its_rows_means_and_the_product_of_both_freedoms() -> None:
    scores, trained = table(0)
    model = fit(trained)
    assert model.means(scores) == pytest.approx(scores.mean(axis=1))
    assert model.freedom == 5 * 3


def test_a_configuration_with_one_easy_fold_is_not_flattered_by_it() -> None:
    scores = np.array([[0.9, 0.5, 0.4], [0.8, 0.4, 0.3], [0.85, np.nan, np.nan]])
    means = fit(~np.isnan(scores)).means(scores)
    assert means == pytest.approx([0.6, 0.5, 0.55])


def test_the_maps_give_the_means_and_stacks_of_cells_are_fitted_at_once() -> None:
    scores, trained = table(3, missing=0.3)
    weight = np.array([1, 1, 0.1, 1, 1, 1])
    model = fit(trained, weight)
    stack = np.stack([scores, 2 * scores], axis=-1)
    by_maps = sum(level @ scores[:, fold] for fold, level in enumerate(model.maps()))
    assert by_maps == pytest.approx(model.means(scores))
    assert model.means(stack)[:, 1] == pytest.approx(2 * by_maps)


def test_one_configuration_alone_has_its_folds_mean() -> None:
    model = fit(np.ones((1, 4), bool))
    assert model.means(np.array([[1.0, 2, 3, 6]])) == pytest.approx([3.0])
    assert model.freedom == 3
