"""Summaries made of a document's own sentences, within a budget of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from study.text.rouge import Words


def choose_sentences(scores: np.ndarray, sentences: Sequence[str], budget: int, words: Words) -> list[int]:
    """The sentences with the highest `scores` [n] that fit into `budget` of these words together, in document order.

    The highest comes first, and each one after it that still fits; where not one fits, the highest alone.
    """
    order = np.argsort(-np.asarray(scores), kind="stable").tolist()
    kept, left = [], budget
    for i in order:
        size = words.count(sentences[i])
        if size <= left:
            kept.append(i)
            left -= size
    return sorted(kept) or order[:1]


def lead(sentences: Sequence[str], budget: int, words: Words) -> list[int]:
    """The first sentences as far as they fit into `budget` of these words, at least one."""
    sizes = np.cumsum([words.count(s) for s in sentences])
    return list(range(max(int((sizes <= budget).sum()), min(1, len(sentences)))))


def oracle(sentences: Sequence[str], reference: str, budget: int, words: Words) -> list[int]:
    """The sentences that a greedy search takes to come near the reference, in document order, within `budget` words.

    Whichever raises ROUGE-1 F1 + ROUGE-2 F1 the most is taken next, until none does (Nallapati et al. 2017,
    arXiv 1611.04230); pairs of words do not reach from one sentence into another. Empty where no sentence has a
    word of the reference; the best sentence alone where those that have one exceed the budget.
    """
    tokens, wanted = [words.tokenize(s) for s in sentences], words.tokenize(reference)
    overlaps = [_Overlap.of([_grams(t, n) for t in tokens], _grams(wanted, n)) for n in (1, 2)]
    sizes, left = np.array([words.count(s) for s in sentences]), budget
    kept: list[int] = []
    worth = 0.0
    while len(kept) < len(sentences):
        gains = overlaps[0].f1(kept) + overlaps[1].f1(kept)
        gains[kept] = -1.0
        fitting = np.where(sizes <= left, gains, -1.0)
        if not kept and not (fitting > 0).any():
            best = int(np.argmax(gains))
            return [best] if gains[best] > 0 else []
        best = int(np.argmax(fitting))
        if fitting[best] <= worth:
            break
        kept.append(best)
        worth, left = float(fitting[best]), left - int(sizes[best])
    return sorted(kept)


class _Overlap:
    """How often each of a reference's n-grams occurs in each sentence, [n, grams], for F1 of sums of sentences."""

    def __init__(self, counts: np.ndarray, lengths: np.ndarray, wanted: np.ndarray) -> None:
        self.counts, self.lengths, self.wanted = counts, lengths, wanted

    @classmethod
    def of(cls, sentences: list[Counter[Any]], reference: Counter[Any]) -> _Overlap:
        grams = list(reference)
        counts = np.array([[s[g] for g in grams] for s in sentences], dtype=np.int64)
        lengths = np.array([s.total() for s in sentences], dtype=np.int64)
        return cls(
            counts.reshape(len(sentences), len(grams)), lengths, np.array([reference[g] for g in grams], dtype=np.int64)
        )

    def f1(self, kept: list[int]) -> np.ndarray:
        """The F1 of the kept sentences together with each sentence in turn, [n]."""
        matches = np.minimum(self.counts + self.counts[kept].sum(0), self.wanted).sum(1)
        both = self.lengths + self.lengths[kept].sum() + self.wanted.sum()
        return 2 * matches / np.maximum(both, 1)  # type: ignore[no-any-return]


def _grams(tokens: Sequence[str], n: int) -> Counter[Any]:
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))
