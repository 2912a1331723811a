"""What a model does with a text and how it reads one, as the study's engine has it; needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from study.text.rouge import ENGLISH

CLASSIFY, WRITE, CHOOSE = "classify", "write", "choose"


@dataclass(frozen=True)
class Frame:
    """How a model reads a text: its ids are cut at `longest` tokens, and padded with `pad` at their end.

    Where a model writes, `begin` and `end` stand around the text's own ids and count among the `longest`, and `new` is
    how many tokens it may write; else the tokenizer itself puts its marks around a text. Where it chooses sentences of
    a document, a summary has at most `budget` words, which are those of that name in study/text/rouge.py.
    """

    longest: int
    pad: int
    side: str = "right"  # on which a text is cut
    begin: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    new: int = 0
    budget: int = 0
    words: str = ENGLISH.name

    @property
    def kind(self) -> str:
        """The model's use: classify, write or choose."""
        return WRITE if self.new else CHOOSE if self.budget else CLASSIFY

    @property
    def room(self) -> int:
        """How many ids the tokenizer may give for one text."""
        return max(1, self.longest - len(self.begin) - len(self.end))

    def around(self, ids: Sequence[int]) -> np.ndarray:
        """A text's ids as the model reads them, [T]: with `begin` and `end` around them."""
        return np.array([*self.begin, *ids, *self.end], dtype=np.int64)

    def rows(self, texts: Sequence[str], tokenizer: Any) -> list[np.ndarray]:
        """The ids [T] of each text as the model reads them, by a tokenizer of transformers."""
        encoding = tokenizer(list(texts), truncation=True, max_length=self.room, add_special_tokens=not self.new)
        return [self.around(row) for row in encoding["input_ids"]]


def pad_rows(rows: Sequence[np.ndarray], pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and mask, int64 [n, T], of rows of different lengths, padded at their ends."""
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask
