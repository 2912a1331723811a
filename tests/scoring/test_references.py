"""Scores that need no training, by hand and by scikit-learn's own dummies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from study.core.records import Fold
from study.data.examples import Documents, Graph, Pairs, Texts
from study.scoring.references import references, summary
from study.text.rouge import ENGLISH, UNICODE

LABELS = np.array([0, 1, 1, 2, 1, 0, 2, 1])
TRAIN, VALID = np.arange(5), np.arange(5, 8)
FOLD = Fold(0, TRAIN, VALID)


def texts() -> Texts:
    return Texts(tuple("abcdefgh"), LABELS, ("x", "y", "z"))


def graph() -> Graph:
    return Graph(np.eye(8), np.zeros((2, 0), dtype=np.int64), np.arange(8), LABELS, ("x", "y", "z"))


@pytest.mark.parametrize("examples", [texts(), graph()])
def test_the_majority_is_that_of_the_training_part_as_a_dummy_has_it(examples: Texts | Graph) -> None:
    from sklearn.dummy import DummyClassifier
    from sklearn.metrics import accuracy_score, f1_score

    dummy = DummyClassifier(strategy="most_frequent").fit(TRAIN[:, None], LABELS[TRAIN])
    answer = dummy.predict(VALID[:, None])
    expected = {
        "accuracy": accuracy_score(LABELS[VALID], answer),
        "macro_f1": f1_score(LABELS[VALID], answer, average="macro"),
    }
    assert references(examples, FOLD) == {"majority": pytest.approx(expected)}
    assert expected["accuracy"] == pytest.approx(1 / 3)


def documents() -> Documents:
    sentences = ("the first one here", "a cat sat on mats", "and a dog barked", "the end")
    marks = ((0, 1, 0, 1), (0, 0, 0, 0))
    return Documents(("", ""), (sentences, sentences), marks, ("a cat sat on mats", "and a dog barked"), 6)


def test_documents_have_a_lead_an_oracle_and_what_is_marked_within_the_budget() -> None:
    first = references(documents(), Fold(0, np.array([1]), np.array([0])))
    assert first["oracle"]["rouge1"] == 1
    assert first["highlights"]["rougeL"] == 1  # five words; "the end" would make seven
    assert first["lead"]["rouge1"] == 0
    unmarked = references(documents(), Fold(0, np.array([0]), np.array([1])))
    assert unmarked["highlights"] == {"rouge1": 0, "rouge2": 0, "rougeL": 0}
    assert unmarked["oracle"]["rouge2"] == 1


def test_references_of_other_scripts_are_scored_by_their_own_words() -> None:
    sentences = ("собака лает", "кошка сидит на окне", "дождь")
    russian = Documents(("",), (sentences,), ((1, 0, 1),), ("кошка сидит на окне",), 4, words=UNICODE)
    fold = Fold(0, np.array([0]), np.array([0]))
    scores = references(russian, fold)
    assert scores["oracle"] == {"rouge1": 1, "rouge2": 1, "rougeL": 1}
    assert scores["lead"]["rouge1"] == scores["highlights"]["rouge1"] == 0
    assert references(replace(russian, words=ENGLISH), fold)["oracle"]["rouge1"] == 0


def test_the_lead_of_pairs_without_spaces_is_as_long_as_their_targets() -> None:
    source, fold = "我喜欢猫。他喜欢狗。天气很好。", Fold(0, np.array([0]), np.array([1]))
    pairs = Pairs((source,) * 2, ("八个字的一句话吧", "我喜欢猫。他喜欢狗。"), 9, words=UNICODE)
    assert references(pairs, fold) == {"lead": {"rouge1": 1, "rouge2": 1, "rougeL": 1}}


def test_the_lead_of_pairs_is_as_long_as_targets_of_the_training_part() -> None:
    source = "One two three. Four five six. Seven eight nine."
    pairs = Pairs((source,) * 3, ("a b c d e f", "a b c d e f", "one two three four five six"), 9)
    scores = references(pairs, Fold(0, np.array([0, 1]), np.array([2])))
    assert scores == {"lead": {"rouge1": 1, "rouge2": 1, "rougeL": 1}}


def test_a_study_has_means_with_standard_errors_over_the_folds_and_the_test_apart() -> None:
    folds = [Fold(0, np.array([0, 1, 2]), np.array([3, 4])), Fold(1, np.array([1, 2, 3]), np.array([4, 7]))]
    figures = summary(texts(), [*folds, Fold(2, np.arange(5), np.array([5, 6]))])
    assert figures["reference/majority/accuracy"] == pytest.approx(0.75)
    assert figures["reference/majority/accuracy_se"] == pytest.approx(np.std([0.5, 1], ddof=1) / math.sqrt(2))
    assert figures["reference/majority/test/accuracy"] == 0
    assert len(figures) == 6


def test_a_study_without_a_test_has_no_score_on_it() -> None:
    empty = np.array([], dtype=np.int64)
    figures = summary(texts(), [Fold(0, TRAIN, VALID), Fold(1, VALID, TRAIN), Fold(2, np.arange(8), empty)])
    assert not [name for name in figures if "/test/" in name]
