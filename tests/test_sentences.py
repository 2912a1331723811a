"""Sentences by a splitter that has learned from the texts at hand."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from study.sentences import splitter

TEXT = "Dr. Smith met Mrs. Jones at 3.30 p.m. yesterday. They spoke of e.g. the weather. "


@given(st.lists(st.text(max_size=60), max_size=4), st.text(max_size=120))
def test_no_character_is_lost_and_no_sentence_empty(texts: list[str], text: str) -> None:
    found = splitter(texts)(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(sentence.strip() for sentence in found)


def test_abbreviations_are_learned_from_the_texts() -> None:
    learned = splitter([TEXT.replace("Smith", name) for name in ("Smith", "Brown", "White", "Green") for _ in range(9)])
    assert learned("We saw Dr. Black. He left.") == ("We saw Dr. Black.", "He left.")


def test_a_blank_line_ends_a_sentence() -> None:
    assert splitter([])("A title\n\nIt begins\nhere. And ends.") == ("A title", "It begins here.", "And ends.")


def test_sentences_do_not_depend_on_the_order_of_sets() -> None:
    code = (
        "from study.sentences import splitter\n"
        f"text = {TEXT!r} * 5 + 'A. Z. Milne et al. wrote No. 5 cf. p. 3. It was fig. 2.'\n"
        "print(splitter([text] * 3)(text))"
    )
    environments = [{"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)} for seed in (0, 1, 2)]
    run = [subprocess.run([sys.executable, "-c", code], env=e, capture_output=True, check=True) for e in environments]
    assert len({done.stdout for done in run}) == 1
