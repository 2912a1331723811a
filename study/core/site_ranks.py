"""Ranks of a model's linear layers in few words: layers of one name in several blocks are named once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

BLOCK = "{}"  # in a pattern, where a layer's name has the index of its block


def compress(ranks: Mapping[str, int]) -> dict[str, str]:
    """Ranks by pattern, such as ``{"layer.{}.query": "2:6 8:0-5,7"}``: rank 2 in block 6, rank 8 in the others.

    A name without a block stands for itself, with its rank alone. Names are modules' dotted ones, without braces.
    """
    blocks: dict[str, dict[int, list[int]]] = {}
    alone: dict[str, str] = {}
    for name, rank in ranks.items():
        pattern, block = _split_name(name)
        if block is None:
            alone[name] = str(rank)
        else:
            blocks.setdefault(pattern, {}).setdefault(rank, []).append(block)
    return alone | {
        pattern: " ".join(f"{rank}:{_ranges(sorted(indices))}" for rank, indices in sorted(by_rank.items()))
        for pattern, by_rank in blocks.items()
    }


def expand(compressed: Mapping[str, str]) -> dict[str, int]:
    """The inverse of :func:`compress`: the rank of each layer by its name."""
    ranks: dict[str, int] = {}
    for pattern, text in compressed.items():
        for part in text.split():
            rank, _, ranges = part.partition(":")
            names = [pattern.replace(BLOCK, str(block), 1) for block in _indices(ranges)] if ranges else [pattern]
            ranks |= dict.fromkeys(names, int(rank))
    return ranks


def _split_name(name: str) -> tuple[str, int | None]:
    """The pattern of a name and the index in it, the first part that is a number; None where none is."""
    parts = name.split(".")
    place = next((i for i, part in enumerate(parts) if part.isdecimal() and str(int(part)) == part), None)
    if place is None:
        return name, None
    return ".".join([*parts[:place], BLOCK, *parts[place + 1 :]]), int(parts[place])


def _ranges(indices: Sequence[int]) -> str:
    """``0-5,7`` of ascending indices."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _indices(ranges: str) -> Iterator[int]:
    for run in ranges.split(","):
        first, _, last = run.partition("-")
        yield from range(int(first), int(last or first) + 1)
