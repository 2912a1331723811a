"""The contract of a task: which examples are learned, and what is done with all of them alike."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from study import seeding
from study.config import TaskConfig
from study.examples import Examples


class Task(ABC):
    """One source of examples.

    Guarantees: the same configuration and seed give the same examples in the same order; no example
    occurs twice (a duplicate would leak across folds); what was dropped is counted in `notes`.
    """

    name: str

    @abstractmethod
    def read(self, config: TaskConfig) -> Examples:
        """Every example, before limits; duplicates may still be there."""

    def load(self, config: TaskConfig, seed: int) -> Examples:
        """The study's examples: without duplicates, limited and (as a control) shuffled as configured."""
        examples = limited(without_duplicates(self.read(config)), config.limit, seed)
        return shuffled(examples, seed) if config.shuffle_labels else examples


def without_duplicates(examples: Examples) -> Examples:
    """The first of each; how many were dropped is noted."""
    keys = examples.keys()
    first = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
    kept = np.array(sorted(first.values()), dtype=np.int64)
    return examples.take(kept).noted(duplicates_dropped=len(keys) - len(kept))


def limited(examples: Examples, limit: int | None, seed: int) -> Examples:
    """`limit` of the examples, stratified; all where there are not as many, which is noted."""
    count = len(examples)
    if limit is None:
        return examples
    if limit >= count:
        return examples.noted(limit=f"{limit} asked, all {count} used")
    kept = stratified(examples.strata, limit, seeding.derive(seed, "limit"))
    return examples.take(kept).noted(limit=f"{limit} of {count} used")


def shuffled(examples: Examples, seed: int) -> Examples:
    """The same inputs with permuted answers: a control, on which nothing can be learned."""
    order = np.random.default_rng(seeding.derive(seed, "shuffle")).permutation(len(examples))
    return examples.permuted(order).noted(labels="shuffled, as a control: scores must be at chance")


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
