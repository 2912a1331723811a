"""What single answers contribute to metrics that are no means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.core import metrics
from study.core.evidence.jackknife import pseudo_values, worths
from study.core.evidence.kept_answers import usable_answers
from study.core.evidence.sources import estimate
from study.core.evidence.table import ScoreTable

CLASSES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(CLASSES, st.sampled_from(metrics.NAMES))
def test_their_mean_is_the_metric(answers: list[tuple[int, int]], metric: str) -> None:
    predicted, labels = np.array(answers).T
    values = pseudo_values(metric, predicted, labels)
    assert values.mean() == pytest.approx(metrics.score(metric, predicted, labels))
    for pair in set(answers):
        same = [value for value, answer in zip(values, answers, strict=True) if answer == pair]
        assert same == pytest.approx([same[0]] * len(same))


@given(CLASSES)
def test_of_a_mean_they_are_what_each_answer_is_worth(answers: list[tuple[int, int]]) -> None:
    predicted, labels = np.array(answers).T
    assert pseudo_values("accuracy", predicted, labels) == pytest.approx((predicted == labels).astype(float))


def test_their_error_is_that_of_the_bootstrap() -> None:
    generator = np.random.default_rng(0)
    labels = generator.choice(3, 400, p=[0.6, 0.3, 0.1])
    predicted = np.where(generator.random(400) < 0.7, labels, generator.integers(0, 3, 400))
    values = pseudo_values("macro_f1", predicted, labels)
    drawn = generator.integers(0, 400, (1000, 400))
    spread = np.std([metrics.score("macro_f1", predicted[rows], labels[rows]) for rows in drawn])
    assert values.std() / 20 == pytest.approx(spread, rel=0.1)


def test_a_metric_without_a_weighted_form_is_judged_by_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two configurations with nearly the same answers differ by nearly nothing, whatever the folds do."""
    monkeypatch.setattr(metrics, "NAMES", (*metrics.NAMES, "recall_of_ones"))
    monkeypatch.setattr(metrics, "score", _score(metrics.score))
    generator = np.random.default_rng(1)
    labels, fold = generator.integers(0, 2, 300), np.arange(300) % 3
    first = np.where(generator.random(300) < 0.8, labels, 1 - labels)
    other = np.where(generator.random(300) < 0.8, labels, 1 - labels)
    twin = first.copy()
    twin[[0, 1, 2]] = 1 - twin[[0, 1, 2]]
    predicted = np.stack([first, twin, other])
    answers = usable_answers(np.ones((3, 3), bool), fold, "recall_of_ones", predicted=predicted, labels=labels)
    assert answers is not None
    scores = [
        [metrics.score("recall_of_ones", row[fold == f], labels[fold == f]) for f in range(3)] for row in predicted
    ]
    assert np.array(scores) == pytest.approx(
        np.stack([answers.each[:, fold == f].mean(axis=1) for f in range(3)], axis=1)
    )
    shared = estimate(ScoreTable(range(3), np.array(scores), np.full(3, 100), 3, answers)).examples
    apart = [shared[0, 0] + shared[row, row] - 2 * shared[0, row] for row in (1, 2)]
    assert 0 < apart[0] < apart[1] / 5


def test_folds_that_were_not_trained_have_none() -> None:
    predicted, fold = np.array([[0, 1, -1, -1], [0, 0, 1, 1]]), np.array([0, 0, 1, 1])
    assert np.isnan(worths("macro_f1", predicted, np.array([0, 1, 0, 1]), fold)).tolist() == [
        [False, False, True, True],
        [False] * 4,
    ]


def test_a_metric_that_is_not_known_here_leaves_the_answers_out() -> None:
    labels, predicted = np.zeros(2, int), np.zeros((1, 2), int)
    assert usable_answers(np.ones((1, 1), bool), np.zeros(2, int), "unheard_of", predicted, labels=labels) is None


def _score(known):
    def score(name: str, predicted: np.ndarray, labels: np.ndarray) -> float:
        if name != "recall_of_ones":
            return known(name, predicted, labels)
        ones = labels == 1
        return float((predicted[ones] == 1).mean()) if ones.any() else 0.0

    return score
