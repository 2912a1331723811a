"""Pairs of texts as token ids, for a model that writes the second for the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from study.data.examples import Pairs
from study.engine.batches import Tokens
from study.engine.texts import around, padding, tokenized


@dataclass(frozen=True)
class Written:
    """Token ids of every pair: the source with its frame, and the target with the mark of its end."""

    source: Tokens
    target: Tokens


def read_pairs(pairs: Pairs, tokenizer: Any, longest: int, two_stacks: bool) -> Written:
    """The pairs as a model of one stack or two reads them; a source and its frame have at most `longest` tokens."""
    begin, end = around(pairs, tokenizer, two_stacks)
    room = max(1, longest - len(begin) - len(end))
    source = tokenized(pairs.sources, tokenizer, room, add_special_tokens=False)
    pad = padding(tokenizer)
    read = Tokens.of([np.array([*begin, *row, *end]) for row in source.ids.rows()], pad, cut=source.cut)
    return Written(read, Tokens.of([_target(text, pairs.longest, tokenizer) for text in pairs.targets], pad))


def _target(text: str, longest: int, tokenizer: Any) -> np.ndarray:
    ids = tokenizer(text_target=text, add_special_tokens=False)["input_ids"]
    return np.array([*ids[: longest - 1], tokenizer.eos_token_id], dtype=np.int64)
