"""Tables of answers hold every answer beside its example and its fold, and come back from JSON as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest

from study.core import answer_tables
from study.core.answers import Answers
from study.core.records import Fold, FoldResult

FOLDS = (Fold(0, np.array([1, 3]), np.array([0, 2])), Fold(1, np.array([0, 2]), np.array([1, 3])))


def result(fold: int, answers: Answers | None) -> FoldResult:
    return FoldResult(0, fold, 0.5, {"score": 0.5}, answers=answers)


def lists(table: answer_tables.Table) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in table.items()}


def test_each_answer_stands_beside_its_example_and_its_fold() -> None:
    kept = [result(1, Answers(np.array([2, 0]))), result(0, Answers(np.array([1, 1])))]
    table = answer_tables.answers(FOLDS, kept)
    assert lists(table) == {"example": [0, 2, 1, 3], "fold": [0, 0, 1, 1], "predicted": [1, 1, 2, 0]}


def test_a_fold_without_answers_is_left_out_and_a_trial_without_any_has_no_table() -> None:
    kept = [result(0, None), result(1, Answers(worth=np.array([0.25, 1.0])))]
    assert lists(answer_tables.answers(FOLDS, kept)) == {"example": [1, 3], "fold": [1, 1], "worth": [0.25, 1.0]}
    assert answer_tables.answers(FOLDS, kept[:1]) == {}


def test_the_study_has_a_table_of_its_examples_with_their_labels_and_groups() -> None:
    labels, groups = np.array([0, 1, 0, 1]), np.array(["a", "b", "a", "c"])
    table = answer_tables.examples(FOLDS, labels, groups)
    assert lists(table) == {
        "example": [0, 2, 1, 3], "fold": [0, 0, 1, 1], "label": [0, 0, 1, 1], "group": ["a", "a", "b", "c"],
    }  # fmt: skip
    assert list(answer_tables.examples(FOLDS, None, None)) == ["example", "fold"]


@pytest.mark.parametrize("answers", [Answers(np.array([1, 0])), Answers(worth=np.array([0.1, 1 / 3]))])
def test_a_table_comes_back_to_the_last_bit_in_few_digits(answers: Answers) -> None:
    table = answer_tables.answers(FOLDS, [result(0, answers)])
    text = answer_tables.to_json(table)
    read = answer_tables.from_json(text)
    assert list(read) == list(table)
    assert all(np.array_equal(read[name].astype(table[name].dtype), table[name]) for name in table)
    assert json.loads(text)["columns"] == list(table)
    assert "0.33333334" in text or answers.worth is None


def test_an_empty_table_is_one_and_a_text_that_is_cut_short_is_refused() -> None:
    assert lists(answer_tables.from_json(answer_tables.to_json({"example": np.array([])}))) == {"example": []}
    with pytest.raises(ValueError, match="delimiter"):
        answer_tables.from_json(answer_tables.to_json(answer_tables.examples(FOLDS, None, None))[:-3])
