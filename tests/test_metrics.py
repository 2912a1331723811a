"""Figures, and which way is better."""

import numpy as np
import pytest

from study.config import SCORES
from study.errors import ConfigError
from study.examples import Documents, Graph, Pairs, Texts
from study.metrics import METRICS, accuracy, classification, cross_entropy, direction, macro_f1


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


MAXIMIZED = ("score", "accuracy", "macro_f1", "rouge1", "rouge2", "rougeL", "speed/tokens_per_second")


@pytest.mark.parametrize("name", MAXIMIZED)
def test_scores_speed_and_what_is_kept_are_maximized(name):
    assert direction(name) == "maximize"


def test_what_may_be_a_score_has_a_direction():
    assert set(SCORES) <= set(MAXIMIZED)
    assert {*Texts.scores, *Graph.scores, *Documents.scores, *Pairs.scores} == set(SCORES)


def test_everything_else_is_a_cost():
    others = set(METRICS) - set(MAXIMIZED)
    assert {direction(name) for name in others} == {"minimize"}


def test_an_unknown_objective_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigError) as caught:
        direction("f1")
    assert all(name in str(caught.value) for name in METRICS)
