"""Answers come back from a text as they were, in few bytes."""

from __future__ import annotations

import numpy as np
import pytest

from study.core.answers import Answers


@pytest.mark.parametrize(
    ("highest", "kind"), [(0, np.uint8), (255, np.uint8), (256, np.uint16), (65535, np.uint16), (65536, np.uint32)]
)
def test_classes_come_back_in_the_smallest_type_that_holds_them(highest: int, kind: type) -> None:
    predicted = np.array([0, highest, 0], dtype=np.int64)
    read = Answers.from_text(Answers(predicted).to_text())
    assert read.predicted is not None
    assert (read.predicted.tolist(), read.predicted.dtype) == (predicted.tolist(), kind)
    assert read.worth is None


def test_worths_come_back_to_the_last_bit_even_where_they_are_no_numbers() -> None:
    worth = np.array([0.1, np.nan, 1 / 3, -0.0, np.inf], dtype=np.float32)
    read = Answers.from_text(Answers(worth=worth).to_text())
    assert read.worth is not None
    assert read.worth.tobytes() == worth.tobytes()
    assert read.predicted is None


def test_no_example_has_no_answer_and_both_kinds_of_answers_can_be_kept() -> None:
    none = Answers(np.array([], dtype=np.int64), np.array([]))
    assert Answers.from_text(none.to_text()) == none
    both = Answers(np.array([3, 1]), np.array([0.25, 0.5]))
    assert Answers.from_text(both.to_text()) == both
    assert both not in (none, Answers(np.array([3, 1])), Answers(np.array([3, 1]), np.array([0.25, 0.75])))


def test_a_text_has_at_most_four_bytes_an_example_before_base64_and_of_two_classes_less_than_one() -> None:
    rng, count = np.random.default_rng(0), 20_000
    worths = Answers(worth=rng.random(count)).to_text()
    classes = Answers(rng.integers(0, 2, count)).to_text()
    assert len(worths) * 3 / 4 < 4.01 * count
    assert len(classes) * 3 / 4 < 0.2 * count


@pytest.mark.parametrize("text", ["", "- ", "|u1:eJxjZGQEAA==", "|u1:eJxjZGQ -", "|u1:!! -", "- -"])
def test_a_text_that_is_cut_short_or_damaged_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Answers.from_text(text)
