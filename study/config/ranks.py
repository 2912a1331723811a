"""A rank for every adapted layer, or a pattern of them by target: ``attention:8,ffn:2``, of which the first that
matches a layer counts and 0 leaves it alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from study.core.errors import ConfigError

EVERY = "all-linear"  # the key that a plain rank stands for
PLACE = "method.rank."  # before a key, where the rank of one key is meant
ENTRY = re.compile(r"\s*(.+?)\s*:\s*(\d+)\s*(?:,(?!\s*$)|$)")
REMEDY = "write for example method.rank=8 or method.rank={attention: 8, ffn: 2}"


def canonical(rank: Any) -> Any:
    """A pattern as its text, whether it comes as a mapping or as text; a number as an int.

    A nested mapping's keys are joined by dots, as the command line takes them apart. What is no rank stays as it is,
    for :func:`entries` to refuse. Raises ConfigError for a key that the text could not be read back from.
    """
    if isinstance(rank, Mapping):
        pairs = _flat(rank)
        text = ",".join(f"{key}:{value}" for key, value in pairs)
        read = _parse(text)
        if read is not None and [key for key, _ in read] != [key for key, _ in pairs]:
            remedy = "write the regular expression without a colon before digits and a comma"
            raise ConfigError(f"method.rank={text}", "can be read in two ways", remedy)
        return text
    if not isinstance(rank, str):
        return rank
    pattern = _parse(rank)
    if pattern is None:
        return int(rank) if rank.isdecimal() else rank
    return ",".join(f"{key}:{value}" for key, value in pattern)


def entries(rank: int | str) -> tuple[tuple[str, int], ...]:
    """The keys of a pattern with their ranks, in order; a plain rank is that of every linear layer.

    Raises ConfigError for what is neither.
    """
    if isinstance(rank, int) and not isinstance(rank, bool):
        return ((EVERY, rank),)
    pattern = _parse(rank) if isinstance(rank, str) else None
    if pattern is None:
        raise ConfigError(f"method.rank={rank}", "is neither a whole number nor a pattern of whole numbers", REMEDY)
    return pattern


def with_key(rank: int | str, key: str, value: int) -> str:
    """The pattern with one key's rank replaced, or added at its end; a plain rank gives way to a pattern."""
    pattern = dict(entries(rank)) if isinstance(rank, str) else {}
    text: str = canonical({**pattern, key: value})
    return text


def check(rank: int | str) -> None:
    """Raise ConfigError where no model could have such a rank."""
    entries(rank)
    if isinstance(rank, int) and rank < 1:
        raise ConfigError(f"method.rank={rank}", "a rank is at least 1", "write method.rank=1 or more")


def adapts(rank: int | str) -> bool:
    """Whether any layer could have a rank above 0."""
    return any(value for _, value in entries(rank))


def _flat(pattern: Mapping[Any, Any], before: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in pattern.items():
        pairs += _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else [(f"{before}{key}", value)]
    return pairs


def _parse(text: str) -> tuple[tuple[str, int], ...] | None:
    """The pattern that the text is, or None. A comma may also stand inside a key, such as ``.*[13]{1,2}``."""
    pairs, place = [], 0
    while place < len(text):
        match = ENTRY.match(text, place)
        if match is None:
            return None
        pairs.append((match[1], int(match[2])))
        place = match.end()
    return tuple(pairs) or None
