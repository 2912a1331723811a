"""The contract of a task: which examples are learned, and what is done with all of them alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import fields, replace

import numpy as np

from study import seeding
from study.config import TaskConfig
from study.errors import ConfigError, DataError
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
        named = bool(config.test_path or config.test_split)
        examples = limited(without_duplicates(self.read(config)), config.limit, seed, named)
        examples = scored(examples, config.metric)
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
    """One example of each text, by the majority of its classes; what was left out is noted.

    A test set of the source stays whole: its texts and groups leave the training side. Of a text whose classes tie,
    none is kept. Raises DataError where nothing, or nothing of a class, is left to learn from.
    """
    held = np.zeros(len(examples), dtype=bool) if examples.held is None else examples.held
    keys = examples.keys()
    leaking, notes = _leaking(examples, held)
    places: dict[tuple[str, bool], list[int]] = {}
    for i in np.flatnonzero(~leaking).tolist():
        places.setdefault((keys[i], bool(held[i])), []).append(i)
    chosen = [_majority(examples, own) for own in places.values()]
    kept = np.array(sorted(i for i in chosen if i is not None), dtype=np.int64)
    _check_left(examples, held, kept)
    dropped = len(examples) - len(kept) - int(leaking.sum())
    notes |= {"duplicates_dropped": dropped} | _conflicts(examples, list(places.values()))
    return examples.take(kept).noted(**notes)


def _leaking(examples: Examples, held: np.ndarray) -> tuple[np.ndarray, dict[str, object]]:
    """Which training rows [n] have a text or a group of the test set, and notes on how many."""
    keys = examples.keys()
    tested = {keys[i] for i in np.flatnonzero(held)}
    texts = ~held & np.array([key in tested for key in keys], dtype=bool)
    groups = np.zeros(len(held), dtype=bool)
    if examples.groups is not None:
        groups = ~held & ~texts & np.isin(examples.groups, examples.groups[held])
    notes = {
        "training_rows_dropped_since_their_text_is_in_the_test_set": int(texts.sum()),
        "training_rows_dropped_since_their_group_is_in_the_test_set": int(groups.sum()),
    }
    return texts | groups, {name: count for name, count in notes.items() if count}


def _majority(examples: Examples, places: list[int]) -> int | None:
    """The first of the places whose class most of them have; None where classes tie; the first where there are none."""
    if not examples.classified:
        return places[0]
    counts = Counter(examples.strata[places].tolist()).most_common(2)
    if len(counts) > 1 and counts[0][1] == counts[1][1]:
        return None
    return next(i for i in places if examples.strata[i] == counts[0][0])


def _conflicts(examples: Examples, places: list[list[int]]) -> dict[str, object]:
    """Notes on texts that are there with several classes."""
    if not examples.classified:
        return {}
    several = [own for own in places if len(set(examples.strata[own].tolist())) > 1]
    tied = sum(_majority(examples, own) is None for own in several)
    notes = {
        "texts_with_several_labels_of_which_the_majority_is_kept": len(several) - tied,
        "texts_left_out_since_their_labels_tie": tied,
    }
    return {name: count for name, count in notes.items() if count}


def _check_left(examples: Examples, held: np.ndarray, kept: np.ndarray) -> None:
    """Refuse a training side, or a test set, that lost everything or a class."""
    learned = kept[~held[kept]]
    remedy = "take the rows of the test set, and texts with labels that contradict each other, out of the training data"
    if not len(learned):
        raise DataError("the training data", "have no row that is not in the test set or contradicted", remedy)
    if held.any() and not held[kept].any():
        raise DataError("the test set", "has no text whose labels agree", "correct its labels")
    if examples.classified:
        lost = np.setdiff1d(examples.strata[~held], examples.strata[learned])
        if len(lost):
            name = examples.class_names[lost[0]]
            raise DataError("the training data", f"have no row of class {name} that can be learned from", remedy)


def scored(examples: Examples, metric: str | None) -> Examples:
    """The examples with the score that is asked for, if any; ConfigError where they have no such score."""
    if metric is None:
        return examples
    if metric not in examples.scores:
        rule = "measures something else than this task's answers"
        raise ConfigError(f"task.metric={metric}", rule, f"choose one of {', '.join(examples.scores)}")
    return replace(examples, metric=metric)


def limited(examples: Examples, limit: int | None, seed: int, named: bool = False) -> Examples:
    """`limit` of the examples, stratified; all where there are not as many, which is noted.

    A test set that is `named` stays whole, and the limit holds for the others.
    """
    held = examples.held if named and examples.held is not None else np.zeros(len(examples), dtype=bool)
    free = np.flatnonzero(~held)
    if limit is None:
        return examples
    if limit >= len(free):
        return examples.noted(limit=f"{limit} asked, all {len(free)} used")
    kept = free[stratified(examples.strata[free], limit, seeding.derive(seed, "limit"))]
    return examples.take(np.sort(np.concatenate([kept, np.flatnonzero(held)]))).noted(
        limit=f"{limit} of {len(free)} used"
    )


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
