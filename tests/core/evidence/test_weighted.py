"""Scores under weights, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from study.core.evidence.table import Worths
from study.core.evidence.weighted import scores_under, sums_by, weighted_macro_f1


@pytest.mark.parametrize("seed", range(20))
def test_weighted_macro_f1_equals_scikit_learns(seed: int) -> None:
    generator = np.random.default_rng(seed)
    classes, n = generator.integers(2, 8), generator.integers(3, 60)
    labels, predicted = generator.integers(0, classes, (2, n))
    weights = generator.exponential(size=(n, 4))
    weights[:, 1] = generator.integers(0, 3, n) + (np.arange(n) == 0)  # some weigh nothing, as when they are not drawn
    ours = weighted_macro_f1(predicted, labels, weights)
    for column, weight in enumerate(weights.T):
        kept = weight > 0
        theirs = f1_score(labels[kept], predicted[kept], average="macro", zero_division=0.0, sample_weight=weight[kept])
        assert ours[column] == pytest.approx(theirs)


def test_weighted_accuracy_equals_scikit_learns_and_an_untrained_fold_has_none() -> None:
    generator = np.random.default_rng(0)
    labels, predicted, fold = generator.integers(0, 3, (3, 30))
    weights = generator.exponential(size=(30, 2))
    answers = Worths(fold, "accuracy", predicted=np.stack([predicted, np.full(30, -1)]), labels=labels)
    columns = np.flatnonzero(fold == 1)
    scores = scores_under(answers, columns, weights[columns])
    theirs = [accuracy_score(labels[columns], predicted[columns], sample_weight=w[columns]) for w in weights.T]
    assert scores[0] == pytest.approx(theirs)
    assert np.isnan(scores[1]).all()


def test_macro_f1_of_a_fold_that_was_not_trained_is_missing() -> None:
    answers = Worths(np.zeros(2, int), "macro_f1", predicted=np.array([[0, 1], [-1, -1]]), labels=np.array([0, 1]))
    assert scores_under(answers, np.arange(2), np.ones((2, 1)))[:, 0] == pytest.approx([1.0, np.nan], nan_ok=True)


def test_sums_by_label_leave_absent_labels_at_zero() -> None:
    assert sums_by(np.array([2, 0, 2]), np.array([[1.0], [2], [3]]), 4)[:, 0].tolist() == [2, 0, 4, 0]
