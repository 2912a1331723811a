"""The contract of a task: which examples are learned, and by which score they are judged."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

import numpy as np

from study import seeding
from study.config import TaskConfig


@dataclass(frozen=True)
class Examples:
    """Texts with integer labels [n]; `groups` [n] names what no fold may split, where there is such."""

    texts: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    groups: np.ndarray | None = None
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """A digest of texts, labels and groups, in order."""
        digest = hashlib.sha256("\x00".join(self.texts).encode())
        digest.update(self.labels.tobytes())
        digest.update(b"" if self.groups is None else "\x00".join(map(str, self.groups)).encode())
        return digest.hexdigest()[:16]

    def take(self, positions: np.ndarray) -> Examples:
        """The examples at these positions, in this order."""
        groups = None if self.groups is None else self.groups[positions]
        return replace(
            self, texts=tuple(self.texts[i] for i in positions), labels=self.labels[positions], groups=groups
        )


class Task(ABC):
    """One source of examples.

    Guarantees: the same configuration and seed give the same examples in the same order; no text
    occurs twice (a duplicate would leak across folds); what was dropped is counted in `notes`.
    """

    name: str
    metric: str = "accuracy"

    @abstractmethod
    def read(self) -> Examples:
        """Every example, before limits; duplicates may still be there."""

    def load(self, config: TaskConfig, seed: int) -> Examples:
        """The study's examples: without duplicates, limited and (as a control) shuffled as configured."""
        examples = limited(without_duplicates(self.read()), config.limit, seed)
        return shuffled(examples, seed) if config.shuffle_labels else examples


def without_duplicates(examples: Examples) -> Examples:
    """The first of each text; how many were dropped is noted."""
    first = dict(zip(reversed(examples.texts), reversed(range(len(examples.texts))), strict=True))
    kept = np.array(sorted(first.values()))
    notes = {**examples.notes, "duplicates dropped": str(len(examples.texts) - len(kept))}
    return replace(examples.take(kept), notes=notes)


def limited(examples: Examples, limit: int | None, seed: int) -> Examples:
    """`limit` of the examples, stratified by label; all where there are not as many, which is noted."""
    count = len(examples.texts)
    if limit is None:
        return examples
    if limit >= count:
        return replace(examples, notes={**examples.notes, "limit": f"{limit} asked, all {count} used"})
    notes = {**examples.notes, "limit": f"{limit} of {count} used"}
    return replace(examples.take(stratified(examples.labels, limit, seeding.derive(seed, "limit"))), notes=notes)


def shuffled(examples: Examples, seed: int) -> Examples:
    """The same texts with permuted labels: a control, on which nothing can be learned."""
    order = np.random.default_rng(seeding.derive(seed, "shuffle")).permutation(len(examples.labels))
    notes = {**examples.notes, "labels": "shuffled, as a control: scores must be at chance"}
    return replace(examples, labels=examples.labels[order], notes=notes)


def stratified(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` positions, sorted, each class in its share (largest remainders first)."""
    rng = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    exact = sizes * count / len(labels)
    quota = np.floor(exact).astype(int)
    for c in np.argsort(quota - exact, kind="stable")[: count - quota.sum()]:
        quota[c] += 1
    chosen = [rng.permutation(np.flatnonzero(labels == c))[:n] for c, n in zip(classes, quota, strict=True)]
    return np.sort(np.concatenate(chosen))
