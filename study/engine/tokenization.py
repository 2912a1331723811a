"""Texts to token ids, with whatever marks of begin and end their tokenizer knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from study.data.examples import Pairs
from study.engine.batches import Tokens


def tokenize(texts: Sequence[str], tokenizer: Any, longest: int, **how: Any) -> Tokens:
    """Each text's ids, at most `longest`; `cut` of the result says how many texts had more."""
    read = tokenizer(list(texts), truncation=True, max_length=longest, **how)
    if read.encodings is not None:
        cut = sum(bool(encoding.overflowing) for encoding in read.encodings)
    else:  # a tokenizer that is written in Python does not say what it leaves out
        cut = sum(len(row) > longest for row in tokenizer(list(texts), verbose=False, **how)["input_ids"])
    rows = [np.asarray(row, dtype=np.int64) for row in readable(read["input_ids"], tokenizer)]
    return Tokens.of(rows, tokenizer.pad_token_id or 0, cut=cut)


def readable(rows: Sequence[list[int]], tokenizer: Any) -> list[list[int]]:
    """The rows of ids, with one unknown token in place of an empty row, which would have no mean."""
    return [row or [tokenizer.unk_token_id or 0] for row in rows]


def text_ids(text: str, tokenizer: Any) -> list[int]:
    """The ids of a text alone."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def marks(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer puts before a text and behind it."""
    alone, whole = text_ids("a", tokenizer), list(tokenizer("a")["input_ids"])
    begin = next((i for i in range(len(whole)) if whole[i : i + len(alone)] == alone), len(whole))
    return whole[:begin], whole[begin + len(alone) :]


def around(pairs: Pairs, tokenizer: Any, two_stacks: bool) -> tuple[list[int], list[int]]:
    """The ids that stand before a source and behind it, for a model that writes."""
    first, last = marks(tokenizer)
    # What a decoder-only model writes follows the source, so no mark of an end stands between them.
    end = last if two_stacks else []
    return [*first, *text_ids(pairs.prefix, tokenizer)], [*text_ids(pairs.suffix, tokenizer), *end]


def padding(tokenizer: Any) -> int:
    """The id that fills up rows for a model that writes: the tokenizer's padding, or the end's where it has none."""
    return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)
