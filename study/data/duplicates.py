"""Examples that are read alike: equal ones leave, lest one is learned and tested on; nearly equal ones are counted."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import numpy as np

from study.core.errors import DataError
from study.data.examples import Examples

LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


def without_duplicates(examples: Examples) -> Examples:
    """One example of each text, with the answer that most of its rows have, and notes on what was left out.

    A test set of the source stays whole: its texts and groups leave the training side. Of a text whose classes tie,
    none is kept; of one whose summaries do, the first. Raises DataError where nothing, or nothing of a class, is left
    to learn from.
    """
    held = examples.tested
    keys, answers = _normal_keys(examples), examples.answers()
    leaking, notes = _find_leaks(examples, keys)
    places: dict[tuple[str, bool], list[int]] = {}
    for i in np.flatnonzero(~leaking).tolist():
        places.setdefault((keys[i], bool(held[i])), []).append(i)
    chosen = {key: _majority(answers, rows, examples.classified) for key, rows in places.items()}
    kept = np.array(sorted(i for i in chosen.values() if i is not None), dtype=np.int64)
    _check_left(examples, held, kept)
    notes["duplicates_dropped"] = len(examples) - len(kept) - int(leaking.sum())
    several = [key for key, rows in places.items() if len({answers[i] for i in rows}) > 1]
    tied = sum(chosen[key] is None for key in several)
    notes |= _without_zeros({examples.repeats: len(several) - tied, "texts_left_out_since_their_labels_tie": tied})
    return examples.take(kept).with_notes(**notes)


def _normal_keys(examples: Examples) -> list[str]:
    """The key of each example, [n], in composed form (NFC): a letter with its accent is one, however it is written."""
    return [unicodedata.normalize("NFC", key) for key in examples.keys()]  # noqa: SIM118 -- no dictionary


def _find_leaks(examples: Examples, keys: list[str]) -> tuple[np.ndarray, dict[str, int]]:
    """A mask [n] of training rows that share a text, by its key, or a group with the test set, and notes on them."""
    held = examples.tested
    tested = {keys[i] for i in np.flatnonzero(held)}
    texts = ~held & np.array([key in tested for key in keys], dtype=bool)
    groups = np.zeros(len(held), dtype=bool)
    if examples.groups is not None:
        groups = ~held & ~texts & np.isin(examples.groups, examples.groups[held])
    notes = {
        "training_rows_dropped_since_their_text_is_in_the_test_set": int(texts.sum()),
        "training_rows_dropped_since_their_group_is_in_the_test_set": int(groups.sum()),
    }
    return texts | groups, _without_zeros(notes)


def _majority(answers: tuple[object, ...], rows: list[int], classified: bool) -> int | None:
    """The first of the rows with the answer that most of them have; None where classes tie."""
    counts = Counter(answers[i] for i in rows).most_common(2)
    if classified and len(counts) > 1 and counts[0][1] == counts[1][1]:
        return None
    return next(i for i in rows if answers[i] == counts[0][0])


def _check_left(examples: Examples, held: np.ndarray, kept: np.ndarray) -> None:
    """Raise DataError where the training side `kept`, or the test set `held`, has nothing left or lost a class."""
    learned = kept[~held[kept]]
    remedy = "take the rows of the test set, and texts with labels that contradict each other, out of the training data"
    if not len(learned):
        raise DataError("the training data", "have no row that is not in the test set or contradicted", remedy)
    if held.any() and not held[kept].any():
        raise DataError("the test set", "has no text whose labels agree", "correct its labels")
    if examples.classified:
        lost = np.setdiff1d(examples.strata[~held], examples.strata[learned])
        if len(lost):
            name = examples.class_names[lost[0]]
            raise DataError("the training data", f"have no row of class {name} that can be learned from", remedy)


def count_near(examples: Examples) -> Examples:
    """The same examples, with notes on how many say what an earlier one says but for case, punctuation and links."""
    texts, answers = [simplify(key) for key in examples.keys()], examples.answers()  # noqa: SIM118 -- no dictionary
    first: dict[str, int] = {}
    near = [i for i, text in enumerate(texts) if text and first.setdefault(text, i) != i]
    other = sum(answers[i] != answers[first[texts[i]]] for i in near) if examples.classified else 0
    held = examples.tested
    tested = {texts[i] for i in np.flatnonzero(held)} - {""}
    notes = {
        "texts_that_equal_an_earlier_one_but_for_case,_punctuation_and_links": len(near),
        "of_these_with_another_label": other,
        "training_texts_that_so_equal_one_of_the_test_set": sum(texts[i] in tested for i in np.flatnonzero(~held)),
    }
    return examples.with_notes(**_without_zeros(notes))


def simplify(text: str) -> str:
    """The text's words and symbols in folded case, without links and punctuation; emoji stay, they may be the point."""
    composed = unicodedata.normalize("NFKC", text)
    return " ".join(LINK.sub(" ", composed).casefold().translate(_SPACED).split())


class _Spaced(dict[int, int]):
    """Code points to themselves, and those of punctuation, separators and control characters to a space."""

    def __missing__(self, code: int) -> int:
        self[code] = ord(" ") if unicodedata.category(chr(code))[0] in "PZC" else code
        return self[code]


_SPACED = _Spaced()


def _without_zeros(notes: dict[str, int]) -> dict[str, int]:
    """The notes whose count is not 0."""
    return {name: count for name, count in notes.items() if count}
