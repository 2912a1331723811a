"""Batches of similar lengths: little padding, and the same batches for the same (seed, epoch)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from study.core import seeding

POOL = 16  # batches whose examples are sorted together: enough to save padding, few enough to stay random
ALIKE, FEW = 1.2, 8  # a scoring batch of more than a few examples holds none that much longer than another


def training_batches(lengths: np.ndarray, size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Positions in shuffled batches of up to `size`; every position occurs once."""
    rng = np.random.default_rng(seeding.derive(seed, "batches", epoch))
    order = rng.permutation(len(lengths))
    batches: list[np.ndarray] = []
    for i in range(0, len(order), POOL * size):
        pool = order[i : i + POOL * size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[j : j + size] for j in range(0, len(pool), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def scoring_batches(lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Positions in batches of like lengths, each of at most `budget` tokens, padding included (or of one example)."""
    order = np.argsort(lengths, kind="stable")
    batches, begin = [], 0
    for end in range(1, len(order) + 1):
        # Lengths rise, so the example at `end` would be the longest of the batch that it joins.
        if end == len(order) or not _joins(end - begin, lengths[order[begin]], lengths[order[end]], budget):
            batches.append(order[begin:end])
            begin = end
    return batches


def _joins(count: int, shortest: int, longest: int, budget: int) -> bool:
    """Whether a row of `longest` tokens may join `count` rows of `shortest` or more: alike, and in budget."""
    return (count + 1) * longest <= budget and (count < FEW or longest <= ALIKE * shortest)


def portions(count: int, longest: int, budget: int) -> list[slice]:
    """`count` rows padded to `longest` in consecutive portions of at most `budget` tokens (or of one row)."""
    size = max(1, budget // max(1, longest))
    return [slice(i, min(i + size, count)) for i in range(0, count, size)]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths without padding, one after the other: values [Σ T, ...], lengths [N]."""

    values: torch.Tensor
    lengths: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each row begins in `values`, [N]."""
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]])

    def rows(self) -> list[np.ndarray]:
        """Each row's values."""
        return np.split(self.values.numpy(), self.starts[1:])

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return self.values.numel() * self.values.element_size()

    def batch(self, positions: np.ndarray, longest: int, fill: float, device: torch.device) -> torch.Tensor:
        """The rows at `positions` as [n, longest, ...] on the device, `fill` beyond their ends."""
        inside = np.arange(longest) < self.lengths[positions][:, None]
        index = np.where(inside, self.starts[positions][:, None] + np.arange(longest), 0)
        flat = on_device(index.reshape(-1), self.values.device)
        rows = self.values.index_select(0, flat).to(device, non_blocking=True)
        beyond = on_device(~inside, device).view(*inside.shape, *[1] * (self.values.dim() - 1))
        return rows.view(*inside.shape, *self.values.shape[1:]).masked_fill_(beyond, fill)


@dataclass(frozen=True)
class Tokens:
    """Token ids of every row of the study, ragged, in the study's order.

    `units`, where a row is read as several (the sentences of a window), is each token's unit, -1 for none, and
    `counts` how many units each row has; `cut` of `texts` were longer than the model may read.
    """

    ids: Ragged
    pad_id: int
    units: Ragged | None = None
    cut: int = 0
    texts: int = 0

    @classmethod
    def of(
        cls, rows: list[np.ndarray], pad_id: int, units: list[np.ndarray] | None = None, cut: int = 0, texts: int = 0
    ) -> Tokens:
        """Tokens from an array of ids [T] a row and, where rows have units, an array of units [T] a row."""
        return cls(_join_rows(rows), pad_id, None if units is None else _join_rows(units), cut, texts or len(rows))

    @property
    def truncated(self) -> float:
        """The share of texts that were cut."""
        return self.cut / max(1, self.texts)

    @cached_property
    def counts(self) -> np.ndarray:
        """How many vectors each row is read as, [R]: one, or its number of units."""
        if self.units is None:
            return np.ones(len(self.lengths), dtype=np.int64)
        return np.maximum.reduceat(self.units.values.numpy(), self.units.starts) + 1

    @property
    def lengths(self) -> np.ndarray:
        """How many tokens each row has, [R]."""
        return self.ids.lengths

    @cached_property
    def digest(self) -> str:
        """A SHA-256 that changes with any id or unit, and with their order."""
        digest = hashlib.sha256(self.lengths.astype(np.int64).tobytes())
        digest.update(self.ids.values.numpy().tobytes())
        digest.update(b"" if self.units is None else self.units.values.numpy().tobytes())
        return digest.hexdigest()

    def batch(self, positions: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and attention mask, both int64 [n, T] on the device, of the rows at `positions` [n]."""
        lengths = self.lengths[positions]
        longest = int(lengths.max())
        mask = (np.arange(longest) < lengths[:, None]).astype(np.int64)
        return self.ids.batch(positions, longest, self.pad_id, device), on_device(mask, device)


def _join_rows(rows: list[np.ndarray]) -> Ragged:
    """Rows of integers, one after the other in one tensor, with their lengths."""
    values = torch.from_numpy(np.concatenate(rows).astype(np.int64))
    return Ragged(values, np.array([len(r) for r in rows]))


def on_device(array: np.ndarray, device: torch.device) -> torch.Tensor:
    """The array as a tensor on the device; to a GPU it goes by pinned memory, and nobody waits for it."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
