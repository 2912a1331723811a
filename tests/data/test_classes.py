"""Class sizes are said; classes that not every fold could have are refused, dropped or merged, as asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.core.errors import ConfigError
from study.data.classes import handle_rare
from study.data.examples import Pairs, Texts
from study.data.folds import make_folds, split_test


def texts(sizes: dict[str, int], held: int = 0) -> Texts:
    """As many texts of each class; the first `held` of each are the source's own test set."""
    labels = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    places = np.concatenate([np.arange(n) for n in sizes.values()])
    names = tuple(f"text {i}" for i in range(len(labels)))
    return Texts(names, labels, tuple(sizes), held=places < held if held else None)


def test_sizes_are_noted_from_the_largest_on_and_classes_of_one_or_two_rows_named() -> None:
    notes = handle_rare(texts({"no": 5, "yes": 1200, "label": 1, "maybe": 2}), None, 3, 0.2).notes
    assert notes["class sizes"] == "yes 1,200, no 5, maybe 2, label 1"
    assert notes["classes of one or two rows"] == "label 1, maybe 2"


def test_of_many_classes_the_largest_and_the_smallest_are_noted() -> None:
    said = handle_rare(texts({f"c{i}": 100 - i for i in range(40)}), None, 3, 0.2).notes["class sizes"]
    assert said.startswith("c0 100, c1 99, ")
    assert said.endswith("c38 62, c39 61 (40 classes)")


def test_rare_classes_stay_where_nothing_or_refuse_is_said() -> None:
    for rare in (None, "refuse"):
        assert handle_rare(texts({"a": 9, "b": 1}), rare, 3, 0.0).classes == ("a", "b")  # type: ignore[attr-defined]


def test_rare_classes_are_dropped_with_their_names_and_the_others_keep_their_order() -> None:
    left = handle_rare(texts({"a": 9, "b": 2, "c": 8, "d": 1}), "drop", 3, 0.0)
    assert isinstance(left, Texts)
    assert left.classes == ("a", "c")
    assert np.bincount(left.labels).tolist() == [9, 8]
    assert left.notes["rare classes dropped"] == "b 2, d 1"


def test_rare_classes_are_merged_into_one_whose_name_is_not_taken() -> None:
    merged = handle_rare(texts({"a": 9, "b": 2, "other": 8, "d": 1}), "merge", 3, 0.0)
    assert isinstance(merged, Texts)
    assert merged.classes == ("a", "other", "other classes")
    assert np.bincount(merged.labels).tolist() == [9, 8, 3]
    assert merged.notes["rare classes merged into other classes"] == "b 2, d 1"


@pytest.mark.parametrize("held", [1, 2])
def test_a_class_that_is_rare_in_training_leaves_the_named_test_set_too(held: int) -> None:
    left = handle_rare(texts({"a": 9, "b": held + 1, "c": 8}, held), "drop", 3, 0.2)
    assert isinstance(left, Texts)
    assert left.classes == ("a", "c")
    assert left.held is not None
    assert left.held.sum() == 2 * held


@pytest.mark.parametrize(
    ("sizes", "rare", "said"),
    [
        ({"a": 9, "b": 1}, "merge", "makes a class of 1 example, which is too rare itself for 3 folds"),
        ({"a": 9, "b": 1, "c": 1}, "merge", "makes a class of 2 examples"),
        ({"a": 2, "b": 1}, "drop", "leaves no class"),
    ],
)
def test_what_leaves_nothing_to_fold_is_refused(sizes: dict[str, int], rare: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        handle_rare(texts(sizes), rare, 3, 0.0)


def test_what_has_no_classes_is_left_alone() -> None:
    pairs = Pairs(("a",), ("b",), 8)
    assert handle_rare(pairs, "drop", 3, 0.2) is pairs


@given(st.lists(st.integers(1, 30), min_size=2, max_size=6), st.integers(2, 5), st.sampled_from([0.0, 0.1, 0.2, 0.5]))
def test_what_is_left_can_be_folded(sizes: list[int], folds: int, fraction: float) -> None:
    examples = texts({f"c{i}": n for i, n in enumerate([40, 40, *sizes])})
    left = handle_rare(examples, "drop", folds, fraction)
    made = make_folds(left, folds, 0, split_test(left, fraction, 0)[0])
    assert len(made.folds) == folds
