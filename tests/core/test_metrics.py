"""Scores of predictions."""

import numpy as np
import pytest

from study.core.metrics.accuracy import score as accuracy
from study.core.metrics.macro_f1 import score as macro_f1
from study.scoring.losses import classification, cross_entropy


def test_accuracy_is_the_share_predicted():
    assert accuracy(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])) == 0.75


def test_macro_f1_weighs_a_rare_class_like_a_common_one():
    labels, constant = np.array([0, 0, 0, 1]), np.zeros(4, dtype=np.int64)
    assert macro_f1(constant, labels) == pytest.approx((6 / 7 + 0) / 2)


def test_cross_entropy_of_even_logits_is_the_log_of_the_classes():
    assert cross_entropy(np.zeros((5, 3)), np.array([0, 1, 2, 0, 1])) == pytest.approx(np.log(3))


def test_cross_entropy_survives_huge_logits():
    assert cross_entropy(np.array([[1e5, 0.0]]), np.array([1])) == pytest.approx(1e5)


def test_classification_reads_the_largest_logit():
    figures = classification(np.array([[2.0, 1.0], [0.0, 3.0]]), np.array([0, 0]))
    assert (figures["accuracy"], figures["macro_f1"]) == (0.5, pytest.approx(1 / 3))
