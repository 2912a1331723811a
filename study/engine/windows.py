"""Documents in windows: consecutive sentences as far as they fit, each window sharing some with the one before.

A window reads ``[CLS] query [SEP]`` and then ``[CLS] sentence [SEP]`` for each of its sentences (Liu & Lapata
2019, arXiv 1908.08345); nothing of a document is left out but the end of a sentence that fills a window alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from study.engine.batches import Tokens
from study.examples import Documents

SHARED = 0.25  # of a window's tokens come again in the next, as context for sentences at its edge


@dataclass(frozen=True)
class Windows:
    """The rows of documents: each row's document [R], the number of its first sentence [R], and of how many [R]."""

    tokens: Tokens
    document: np.ndarray
    first: np.ndarray
    counts: np.ndarray

    def of(self, documents: np.ndarray) -> np.ndarray:
        """The rows of these documents, in the order of the documents."""
        starts = np.searchsorted(self.document, documents)
        ends = np.searchsorted(self.document, documents, side="right")
        return np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])


def windows(documents: Documents, tokenizer: Any, longest: int) -> Windows:
    """Every document's windows of at most `longest` tokens."""
    rows: list[np.ndarray] = []
    units: list[np.ndarray] = []
    places: list[tuple[int, int, int]] = []
    cut = 0
    for i, (query, sentences) in enumerate(zip(documents.queries, documents.sentences, strict=True)):
        head = _pieces(tokenizer, [query])[0] if query else []
        pieces = _pieces(tokenizer, sentences)
        room = longest - len(head)
        cut += sum(len(piece) > room for piece in pieces)
        pieces = [piece[:room] for piece in pieces]
        for begin, end in spans([len(piece) for piece in pieces], room):
            own = pieces[begin:end]
            rows.append(np.array([*head, *(t for piece in own for t in piece)], dtype=np.int64))
            units.append(np.concatenate([np.full(len(head), -1), np.repeat(np.arange(end - begin), [*map(len, own)])]))
            places.append((i, begin, end - begin))
    document, first, counts = np.array(places, dtype=np.int64).T
    tokens = Tokens.of(rows, tokenizer.pad_token_id or 0, units, cut, sum(map(len, documents.sentences)))
    return Windows(tokens, document, first, counts)


def spans(lengths: list[int], room: int) -> list[tuple[int, int]]:
    """Begin and end of consecutive windows over sentences of these lengths, none longer than `room`.

    Every sentence is in one at least; neighbours share the last quarter of the former's tokens, in whole sentences.
    """
    sums = np.concatenate([[0], np.cumsum(lengths)])
    out, begin = [], 0
    while True:
        end = max(begin + 1, int(np.searchsorted(sums, sums[begin] + room, side="right")) - 1)
        out.append((begin, end))
        if end == len(lengths):
            return out
        again = int(np.searchsorted(sums, sums[end] - SHARED * room, side="left"))
        # The next window must reach a sentence that none has held yet.
        while again < end and sums[end + 1] - sums[again] > room:
            again += 1
        begin = max(begin + 1, again)


def _pieces(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Each text's ids between the tokenizer's own marks of begin and end, as far as it has them; never empty."""
    return [row or [tokenizer.unk_token_id or 0] for row in tokenizer(list(texts))["input_ids"]]
