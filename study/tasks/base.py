"""The contract of a task: which examples are learned, and what is done with all of them alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields, replace

import numpy as np

from study import seeding
from study.config import TaskConfig
from study.errors import ConfigError
from study.examples import Examples

EVERY = ("name", "limit", "test_fraction", "shuffle_labels", "metric")  # keys that every task reads


class Task(ABC):
    """One source of examples.

    Guarantees: the same configuration and seed give the same examples in the same order; no example
    occurs twice (a duplicate would leak across folds); what was dropped is counted in `notes`; a key of
    `task` that it does not read is refused where it is given.
    """

    name: str

    def reads(self, config: TaskConfig) -> tuple[str, ...]:
        """The keys of `task` that it reads under this configuration, beside those that every task does."""
        return ()

    @abstractmethod
    def read(self, config: TaskConfig) -> Examples:
        """Every example, before limits; duplicates may still be there."""

    def load(self, config: TaskConfig, seed: int) -> Examples:
        """The study's examples: without duplicates, limited, scored and (as a control) shuffled as configured."""
        self.check(config)
        examples = scored(limited(without_duplicates(self.read(config)), config.limit, seed), config.metric)
        if examples.groups is not None:
            largest = int(np.unique(examples.groups, return_counts=True)[1].max())
            examples = examples.noted(largest_group=f"{largest} of {len(examples)} examples")
        return shuffled(examples, seed) if config.shuffle_labels else examples

    def check(self, config: TaskConfig) -> None:
        """Raise ConfigError for a key that is given and not read."""
        own = self.reads(config)
        for key in (f.name for f in fields(config) if f.name not in (*EVERY, *own)):
            value = getattr(config, key)
            if value is not None:
                kind = f" with task.kind={config.kind}" if config.kind else ""
                remedy = f"leave it out; it reads {', '.join([*own, *EVERY[1:]])}"
                raise ConfigError(f"task.{key}={value}", f"is not read by task={self.name}{kind}", remedy)


def without_duplicates(examples: Examples) -> Examples:
    """The first of each; how many were dropped is noted, and how many of them said another class."""
    keys = examples.keys()
    first = dict(zip(reversed(keys), reversed(range(len(keys))), strict=True))
    kept = np.array(sorted(first.values()), dtype=np.int64)
    left = examples.take(kept).noted(duplicates_dropped=len(keys) - len(kept))
    if not examples.classified or len(kept) == len(keys):
        return left
    classes = examples.strata
    other = sum(classes[i] != classes[first[key]] for i, key in enumerate(keys))
    return left.noted(duplicates_of_another_class=other) if other else left


def scored(examples: Examples, metric: str | None) -> Examples:
    """The examples with the score that is asked for, if any; ConfigError where they have no such score."""
    if metric is None:
        return examples
    if metric not in examples.scores:
        rule = "measures something else than this task's answers"
        raise ConfigError(f"task.metric={metric}", rule, f"choose one of {', '.join(examples.scores)}")
    return replace(examples, metric=metric)


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
