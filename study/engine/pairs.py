"""Pairs of texts as token ids, for a model that writes the second for the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from study.core.errors import ConfigError, StudyError
from study.core.formatting import plural
from study.data.examples import Pairs
from study.engine.batches import Tokens
from study.engine.lookups import Lookups, Need
from study.engine.tokenization import around, padding, tokenize
from study.models.geometry import Tables

WRITES = "decoder"  # the part of a model of two stacks that reads what it writes


@dataclass(frozen=True)
class Written:
    """Token ids of every pair: the source with its frame, and the target with the mark of its end."""

    source: Tokens
    target: Tokens


@dataclass(frozen=True)
class PairNeed(Need):
    """The need of a model that reads sources and writes targets; its decoder begins with the token `start`."""

    pairs: Pairs
    start: int = 0

    def highest(self) -> int:
        return max(self.start, super().highest())

    def bound(self, table: Tables) -> int:
        if table.part == WRITES:
            return self.pairs.longest
        begin, end = around(self.pairs, self.tokenizer, bool(table.part))
        source = max(self.model.max_length, len(begin) + len(end) + 1)
        return source + (0 if table.part else self.pairs.longest)

    def exact(self, tables: tuple[Tables, ...]) -> dict[str, Lookups]:
        two_stacks, longest = len(tables) > 1, self.pairs.longest
        read = read_pairs(self.pairs, self.tokenizer, self.model.max_length, two_stacks)
        source, target = Lookups.of(read.source), Lookups.of(read.target)
        # Shorter answers of a batch are filled up, whatever their sources are like.
        highest = max(target.token, read.target.pad_id)
        if two_stacks:
            return {"encoder": source, WRITES: Lookups(longest, max(highest, self.start))}
        return {"": Lookups(source.positions + longest, max(source.token, highest))}

    def too_long(self, table: Tables, count: int, positions: int) -> StudyError:
        has = f"{self.model.name} has {plural(count, 'position')}"
        if table.part == WRITES:
            rule = f"is more than its decoder can write: {has}"
            return ConfigError(f"task.longest={positions}", rule, f"write task.longest={count} or less")
        if table.part:
            return super().too_long(table, count, positions)
        source = plural(positions - self.pairs.longest, "token")
        rule = f"gives sources of {source} and {self.pairs.longest} to write, and {has}"
        remedy = f"lower model.max_length or task.longest until both together are {count} or less"
        return ConfigError(f"model.max_length={self.model.max_length}", rule, remedy)


def read_pairs(pairs: Pairs, tokenizer: Any, longest: int, two_stacks: bool) -> Written:
    """The pairs as a model of one stack or two reads them; a source and its frame have at most `longest` tokens."""
    begin, end = around(pairs, tokenizer, two_stacks)
    room = max(1, longest - len(begin) - len(end))
    source = tokenize(pairs.sources, tokenizer, room, add_special_tokens=False)
    pad = padding(tokenizer)
    read = Tokens.of([np.array([*begin, *row, *end]) for row in source.ids.rows()], pad, cut=source.cut)
    return Written(read, Tokens.of([_target(text, pairs.longest, tokenizer) for text in pairs.targets], pad))


def _target(text: str, longest: int, tokenizer: Any) -> np.ndarray:
    """The ids of a target, at most `longest` with the mark of the end."""
    ids = tokenizer(text_target=text, add_special_tokens=False)["input_ids"]
    return np.array([*ids[: longest - 1], tokenizer.eos_token_id], dtype=np.int64)
