"""Documents in sentences, of which some are chosen as a summary."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from study.data.kinds.base import Summarized


@dataclass(frozen=True)
class Documents(Summarized):
    """Documents in sentences, of which some are to be chosen as a summary (Liu & Lapata 2019, arXiv 1908.08345).

    `queries` say what is asked about the document; `highlights` are 1 for sentences to choose, else 0;
    `references` are summaries that people wrote; a summary has at most `budget` words.
    """

    kind: ClassVar[str] = "documents"

    queries: tuple[str, ...]
    sentences: tuple[tuple[str, ...], ...]
    highlights: tuple[tuple[int, ...], ...]
    references: tuple[str, ...]
    budget: int

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def strata(self) -> np.ndarray:
        """The query of each document, [n], so that every fold gets its share of every question."""
        return np.unique(np.array(self.queries), return_inverse=True)[1].astype(np.int64)

    @property
    def outputs(self) -> int:
        return 1

    def contents(self) -> Iterable[bytes]:
        for document in zip(self.queries, self.sentences, self.highlights, self.references, strict=True):
            yield repr(document).encode()
        yield from self._mark()

    def keys(self) -> tuple[str, ...]:
        return tuple("\x00".join((q, *s)) for q, s in zip(self.queries, self.sentences, strict=True))

    def inputs(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple(zip(self.queries, self.sentences, strict=True))

    def input_sizes(self) -> np.ndarray:
        return np.array([sum(map(len, sentences)) for sentences in self.sentences])

    def answers(self) -> tuple[Hashable, ...]:
        return tuple(zip(self.references, self.highlights, strict=True))

    def permute(self, order: np.ndarray) -> Self:
        """The highlights of each document at other sentences of it: `order` says how far they move."""
        moved = tuple(h[k % len(h) :] + h[: k % len(h)] for h, k in zip(self.highlights, order.tolist(), strict=True))
        return replace(self, highlights=moved)

    def _fields_at(self, positions: np.ndarray) -> dict[str, Any]:
        names = ("queries", "sentences", "highlights", "references")
        return {name: tuple(getattr(self, name)[i] for i in positions) for name in names}
