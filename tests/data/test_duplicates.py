"""Nearly equal texts are counted and said; of a text that is there twice, what its answers agree on stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.data.duplicates import count_near, simplify, without_duplicates
from study.data.examples import Documents, Pairs, Texts

NEAR = "texts that equal an earlier one but for case, punctuation and links"


def texts(*rows: str, held: list[bool] | None = None) -> Texts:
    labels = np.arange(len(rows)) % 2
    return Texts(rows, labels, ("no", "yes"), held=None if held is None else np.array(held))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I won!", "i won"),
        ("The sun set.", "the  sun\tset"),
        ("see https://t.co/abc now", "see http://t.co/xyz?q=1 now"),
        ("go to www.example.org", "go to"),
        ("“quoted” – so…", '"quoted" - so'),
        ("STRASSE", "straße"),
        ("ﬁne", "fine"),
        ("Привет, мир!", "привет мир"),
    ],
)
def test_what_differs_in_case_punctuation_and_links_alone_is_nearly_equal(one: str, other: str) -> None:
    notes = count_near(texts(one, "something else", other)).notes
    assert notes == {NEAR: "1"}


@pytest.mark.parametrize(
    ("one", "other"),
    [("good :)", "good 😀"), ("good 😀", "good 😡"), ("कि", "का"), ("C", "C+"), ("...", "!!!"), ("a", "b")],
)
def test_what_differs_in_words_marks_and_symbols_is_not(one: str, other: str) -> None:
    assert count_near(texts(one, other)).notes == {}


def test_contradicting_labels_and_copies_in_the_test_set_are_counted_apart() -> None:
    notes = count_near(texts("a b", "A b!", "c", "C.", "x", held=[False, False, False, True, True])).notes
    assert notes[NEAR] == "2"
    assert notes["of these with another label"] == "2"
    assert notes["training texts that so equal one of the test set"] == "1"


@given(
    st.lists(st.from_regex("[a-zäöéжд]+", fullmatch=True), min_size=1), st.sampled_from([".", "!?", " ...", "”", " "])
)
def test_case_spaces_and_punctuation_between_words_change_nothing(words: list[str], mark: str) -> None:
    plain = " ".join(words)
    assert simplify(plain) == plain
    assert simplify(f"{mark} ".join(words).upper() + mark) == plain


def test_of_summaries_of_one_text_the_most_frequent_or_else_the_first_is_kept_and_said() -> None:
    pairs = Pairs(("a", "a", "a", "b", "b", "c"), ("x", "y", "y", "p", "q", "z"), 8)
    left = without_duplicates(pairs)
    assert left.targets == ("y", "p", "z")
    assert left.notes["texts with several summaries of which the most frequent or first is kept"] == "2"
    assert left.notes["duplicates dropped"] == "3"


def test_documents_with_two_references_are_counted_and_equal_ones_are_not() -> None:
    sentences = (("One.", "Two."), ("One.", "Two."), ("Three.",), ("Three.",))
    marks = ((1, 0), (0, 1), (1,), (1,))
    documents = Documents(("",) * 4, sentences, marks, ("one", "two", "three", "three"), 5)
    left = without_duplicates(documents)
    assert left.references == ("one", "three")
    assert left.notes["texts with several summaries of which the most frequent or first is kept"] == "1"


def test_a_letter_and_its_accent_are_one_text_however_they_are_written() -> None:
    twice = texts("caf\u00e9", "other", "cafe\u0301", "more")
    assert without_duplicates(twice).texts == ("caf\u00e9", "other", "more")
    held = texts("caf\u00e9", "other", "more", "cafe\u0301", held=[False, False, False, True])
    left = without_duplicates(replace(held, labels=np.array([0, 1, 0, 1])))
    assert left.texts == ("other", "more", "cafe\u0301")
