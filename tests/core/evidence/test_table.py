"""What a table of scores refuses."""

import numpy as np
import pytest

from study.core.errors import DataError
from study.core.evidence.table import ScoreTable, Worths

FOLD = np.array([0, 0, 1, 1])


def table(scores: np.ndarray, answers: Worths | None = None, splits: int = 2) -> ScoreTable:
    return ScoreTable(range(len(scores)), scores, np.full(scores.shape[1], 2), splits, answers)


def test_repeats_are_counted_a_begun_one_too() -> None:
    assert [table(np.ones((1, folds))).repeats for folds in (2, 3, 4, 5)] == [1, 2, 2, 3]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Worths(FOLD, "accuracy"),
        lambda: Worths(FOLD, "accuracy", predicted=np.zeros((1, 4), int)),
        lambda: Worths(FOLD, "kappa", predicted=np.zeros((1, 4), int), labels=FOLD),
        lambda: ScoreTable([1], np.ones((2, 2)), np.ones(2), 2),
        lambda: table(np.full((1, 2), np.nan)),
        lambda: table(np.ones((1, 4)), Worths(np.arange(4), "rouge", worth=np.ones((1, 4)))),
        lambda: table(np.ones((1, 2)), Worths(FOLD, "rouge", worth=np.array([[1, 1, np.nan, np.nan]]))),
    ],
    ids=["no answers", "no labels", "unknown metric", "numbers", "no score", "repeats", "answers lack"],
)
def test_what_does_not_fit_is_refused(make) -> None:
    with pytest.raises(DataError):
        make()


def test_groups_are_the_independent_units_and_else_examples() -> None:
    worth = np.ones((1, 4))
    assert Worths(FOLD, "rouge", worth).cluster.tolist() == [0, 1, 2, 3]
    assert Worths(FOLD, "rouge", worth, example=np.array([5, 7, 7, 5])).cluster.tolist() == [0, 1, 1, 0]
    assert Worths(FOLD, "rouge", worth, group=np.array(["a", "b", "a", "b"])).cluster.tolist() == [0, 1, 0, 1]
