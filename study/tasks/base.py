"""The contract of a task: which examples are learned, and what is done with all of them alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields, replace

import numpy as np

from study.config.schema import TaskConfig
from study.core import seeding
from study.core.errors import ConfigError
from study.data.duplicates import count_near, without_duplicates
from study.data.examples import Examples
from study.data.folds import draw_stratified

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
        named = bool(config.test_path or config.test_split)
        examples = limit_examples(without_duplicates(self.read(config)), config.limit, seed, named)
        examples = with_metric(count_near(examples), config.metric)
        if examples.groups is not None:
            largest = int(np.unique(examples.groups, return_counts=True)[1].max())
            examples = examples.with_notes(largest_group=f"{largest} of {len(examples)} examples")
        return shuffle_answers(examples, seed) if config.shuffle_labels else examples

    def check(self, config: TaskConfig) -> None:
        """Raise ConfigError for a key that is given and not read."""
        keys_read = self.reads(config)
        for key in (f.name for f in fields(config) if f.name not in (*EVERY, *keys_read)):
            value = getattr(config, key)
            if value is not None:
                kind = f" with task.kind={config.kind}" if config.kind else ""
                remedy = f"leave it out; it reads {', '.join([*keys_read, *EVERY[1:]])}"
                raise ConfigError(f"task.{key}={value}", f"is not read by task={self.name}{kind}", remedy)


def with_metric(examples: Examples, metric: str | None) -> Examples:
    """The examples with the score that is asked for, if any; ConfigError where they have no such score."""
    if metric is None:
        return examples
    if metric not in examples.scores:
        rule = "measures something else than this task's answers"
        raise ConfigError(f"task.metric={metric}", rule, f"choose one of {', '.join(examples.scores)}")
    return replace(examples, metric=metric)


def limit_examples(examples: Examples, limit: int | None, seed: int, named: bool = False) -> Examples:
    """`limit` of the examples, stratified; all where there are not as many, which is noted.

    A test set that is `named` stays whole, and the limit holds for the others.
    """
    held = examples.tested if named else np.zeros(len(examples), dtype=bool)
    free = np.flatnonzero(~held)
    if limit is None:
        return examples
    if limit >= len(free):
        return examples.with_notes(limit=f"{limit} asked, all {len(free)} used")
    kept = free[draw_stratified(examples.strata[free], limit, seeding.derive(seed, "limit"))]
    return examples.take(np.sort(np.concatenate([kept, np.flatnonzero(held)]))).with_notes(
        limit=f"{limit} of {len(free)} used"
    )


def shuffle_answers(examples: Examples, seed: int) -> Examples:
    """The same inputs with permuted answers: a control, on which nothing can be learned."""
    order = np.random.default_rng(seeding.derive(seed, "shuffle")).permutation(len(examples))
    return examples.permute(order).with_notes(labels="shuffled, as a control: scores must be at chance")
