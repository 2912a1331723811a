"""Documents in windows: consecutive sentences as far as they fit, each window sharing some with the one before.

A window reads ``[CLS] query [SEP]`` and then ``[CLS] sentence [SEP]`` for each of its sentences (Liu & Lapata
2019, arXiv 1908.08345); nothing of a document is left out but the end of a sentence that fills a window alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from study.core.errors import ConfigError
from study.engine.batches import Tokens, on_device
from study.engine.tokenization import readable

SHARED = 0.25  # of a window's tokens come again in the next, as context for sentences at its edge


@dataclass(frozen=True)
class Windows:
    """The rows of documents: each row's document [R], the number of its first sentence [R], and of how many [R]."""

    tokens: Tokens
    document: np.ndarray
    first: np.ndarray
    counts: np.ndarray

    @property
    def longest(self) -> int:
        """Sentences of the longest document."""
        return int((self.first + self.counts).max())

    def of(self, documents: np.ndarray) -> np.ndarray:
        """The rows of these documents, in the order of the documents."""
        starts = np.searchsorted(self.document, documents)
        ends = np.searchsorted(self.document, documents, side="right")
        return np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])

    def add_places(self, rows: np.ndarray, vectors: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """The sentences' vectors [n, U, hidden] of these rows, plus a vector for each one's place in its document.

        `places` are :func:`sinusoids` for the longest document (Liu & Lapata 2019, eq. 4).
        """
        index = (self.first[rows][:, None] + np.arange(vectors.shape[1])).clip(max=len(places) - 1)
        return vectors + places[on_device(index, vectors.device)].to(vectors)

    def means(self, scores: Mapping[int, np.ndarray], document: int) -> np.ndarray:
        """One number for each sentence of the document, [sentences].

        `scores` holds, by row, the numbers [U, ...] of that row's sentences; a sentence in several rows gets their
        mean.
        """
        rows = self.of(np.array([document]))
        length = int((self.first[rows] + self.counts[rows]).max())
        sums, times = np.zeros(length), np.zeros(length)
        for row in rows.tolist():
            sentences = slice(self.first[row], self.first[row] + self.counts[row])
            sums[sentences] += scores[row].reshape(-1)[: self.counts[row]]
            times[sentences] += 1
        return sums / times


def windows(queries: Sequence[str], documents: Sequence[Sequence[str]], tokenizer: Any, longest: int) -> Windows:
    """The windows of documents in sentences, each of at most `longest` tokens and led by the document's query.

    Raises ConfigError where a query leaves no room for a sentence.
    """
    texts = dict.fromkeys([*filter(None, queries), *(s for sentences in documents for s in sentences)])
    known = dict(zip(texts, _pieces(tokenizer, list(texts)), strict=True))  # documents are often read for several
    rows: list[np.ndarray] = []
    units: list[np.ndarray] = []
    places: list[tuple[int, int, int]] = []
    cut = 0
    for i, (query, sentences) in enumerate(zip(queries, documents, strict=True)):
        head = known[query] if query else []
        pieces = [known[sentence] for sentence in sentences]
        room = _room(query, len(head), longest)
        cut += sum(len(piece) > room for piece in pieces)
        pieces = [piece[:room] for piece in pieces]
        for begin, end in spans([len(piece) for piece in pieces], room):
            window = pieces[begin:end]
            rows.append(np.array([*head, *(t for piece in window for t in piece)], dtype=np.int64))
            units.append(
                np.concatenate([np.full(len(head), -1), np.repeat(np.arange(end - begin), [*map(len, window)])])
            )
            places.append((i, begin, end - begin))
    document, first, counts = np.array(places, dtype=np.int64).T
    tokens = Tokens.of(rows, tokenizer.pad_token_id or 0, units, cut, sum(map(len, documents)))
    return Windows(tokens, document, first, counts)


def require_room(queries: Sequence[str], tokenizer: Any, longest: int) -> None:
    """Raise ConfigError where a query leaves no room for a sentence in a window of `longest` tokens."""
    asked = [*dict.fromkeys(filter(None, queries))]
    for query, ids in zip(asked, _pieces(tokenizer, asked) if asked else [], strict=True):
        _room(query, len(ids), longest)


def _room(query: str, length: int, longest: int) -> int:
    """The tokens that a query of `length` tokens leaves for sentences; ConfigError where none are left."""
    if length >= longest:
        rule = f"leaves no room for a sentence behind the question {query!r}, which takes {length}"
        raise ConfigError(f"model.max_length={longest}", rule, f"write model.max_length={length + 1} or more")
    return longest - length


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


def sinusoids(places: int, size: int) -> torch.Tensor:
    """A vector [size] for each of so many places (Vaswani et al. 2017, arXiv 1706.03762, section 3.5)."""
    half = torch.arange(0, size, 2, dtype=torch.float64)
    angles = torch.arange(places, dtype=torch.float64)[:, None] / 10000 ** (half / size)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :size]


def _pieces(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Each text's ids between the tokenizer's own marks of begin and end, as far as it has them; never empty."""
    return readable(tokenizer(list(texts))["input_ids"], tokenizer)
