"""Batches of similar lengths: little padding, and the same batches for the same (seed, epoch)."""

from __future__ import annotations

import numpy as np

from study import seeding

POOL = 16  # batches whose examples are sorted together: enough to save padding, few enough to stay random


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


def scoring_batches(lengths: np.ndarray, size: int = 64) -> list[np.ndarray]:
    """Positions in batches by length."""
    order = np.argsort(lengths, kind="stable")
    return [order[i : i + size] for i in range(0, len(order), size)]


def pad(rows: list[np.ndarray], pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids [n, T] and attention mask [n, T] of ragged rows."""
    longest = max(len(r) for r in rows)
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask
