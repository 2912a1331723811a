"""The contract of a kind of examples, and what kinds that have classes, or reference summaries, share."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from study.core import metrics
from study.text.rouge import ENGLISH, ROUGE, Words

CLASSES, SUMMARIES = metrics.NAMES, ROUGE


@dataclass(frozen=True)
class Examples(ABC):
    """n examples of one kind, in a fixed order.

    `kind` is the name of the kind's own file here and in every room that treats kinds apart:
    study/scoring/references, study/models/kinds, study/engine/problems and, where its models are exported,
    study/export/job/kinds. `groups` [n] names what no fold may split;
    `held` [n] is true for what the source itself keeps as its test set; `metric` is the score's name; `notes` are
    facts about the data that a person should know.
    """

    kind: ClassVar[str]
    # Whether the classes of `strata` are what is learned, so that one class alone leaves nothing to learn.
    classified: ClassVar[bool] = False
    # The note on texts that are there with several answers, of which one is kept.
    repeats: ClassVar[str] = "texts_with_several_summaries_of_which_the_most_frequent_or_first_is_kept"
    # What may be the score.
    scores: ClassVar[tuple[str, ...]]

    groups: np.ndarray | None = field(default=None, kw_only=True)
    held: np.ndarray | None = field(default=None, kw_only=True)
    metric: str = field(default="accuracy", kw_only=True)
    notes: dict[str, str] = field(default_factory=dict, kw_only=True)

    @abstractmethod
    def __len__(self) -> int:
        """How many examples there are."""

    @property
    @abstractmethod
    def strata(self) -> np.ndarray:
        """The class of each example, [n], of which every fold gets its share."""

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Numbers that a new head gives for what it scores; 0 where the model's own head is used."""

    @property
    def tested(self) -> np.ndarray:
        """A mask [n] of the examples in the source's own test set, all false where it has none."""
        return np.zeros(len(self), dtype=bool) if self.held is None else self.held

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of `strata` as a person names them."""
        return tuple(map(str, np.unique(self.strata)))

    @abstractmethod
    def contents(self) -> Iterable[bytes]:
        """Everything that is learned from, in order, as bytes for the fingerprint."""

    @abstractmethod
    def keys(self) -> tuple[str, ...]:
        """A text for each example, [n], equal where two are read alike, so that one would leak what the other tests."""

    @abstractmethod
    def inputs(self) -> tuple[Any, ...]:
        """The input of each example, [n], as a trained model is given it."""

    @abstractmethod
    def input_sizes(self) -> np.ndarray:
        """The size of each of :meth:`inputs`, [n]; characters of a text."""

    @abstractmethod
    def answers(self) -> tuple[Hashable, ...]:
        """The answer to learn for each example, [n]: examples of one key agree in it or contradict each other."""

    @abstractmethod
    def permute(self, order: np.ndarray) -> Self:
        """The same inputs, each with the answer of another: that at its place in `order` [n]."""

    @abstractmethod
    def _fields_at(self, positions: np.ndarray) -> dict[str, Any]:
        """The kind's own fields, by name, for the examples at these positions."""

    @property
    def fingerprint(self) -> str:
        """A digest of what is learned from, of groups and of the source's own test set, in order."""
        digest = hashlib.sha256(type(self).__name__.encode())
        for content in self.contents():
            digest.update(content)
            digest.update(b"\x1e")
        for mark in (self.groups, self.held):
            digest.update(b"" if mark is None else "\x00".join(map(str, mark)).encode())
            digest.update(b"\x1e")
        return digest.hexdigest()[:16]

    def take(self, positions: np.ndarray) -> Self:
        """The examples at these positions, in this order."""
        groups = None if self.groups is None else self.groups[positions]
        held = None if self.held is None else self.held[positions]
        return replace(self, groups=groups, held=held, **self._fields_at(positions))

    def with_notes(self, **notes: object) -> Self:
        """The same examples with more notes; underscores of the names become spaces."""
        return replace(self, notes={**self.notes, **{k.replace("_", " "): str(v) for k, v in notes.items()}})


class Classified(Examples):
    """Examples with integer labels [n], each the index of one of `classes`."""

    scores: ClassVar[tuple[str, ...]] = CLASSES
    classified: ClassVar[bool] = True
    repeats: ClassVar[str] = "texts_with_several_labels_of_which_the_majority_is_kept"
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def strata(self) -> np.ndarray:
        return self.labels

    @property
    def outputs(self) -> int:
        return len(self.classes)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.classes

    def answers(self) -> tuple[Hashable, ...]:
        return tuple(self.labels.tolist())

    def permute(self, order: np.ndarray) -> Self:
        changed: dict[str, Any] = {"labels": self.labels[order]}  # a field of every kind that has classes
        return replace(self, **changed)


@dataclass(frozen=True)
class Summarized(Examples):
    """Examples with a reference summary each; `words` are those that ROUGE compares and that budgets count."""

    scores: ClassVar[tuple[str, ...]] = SUMMARIES

    words: Words = field(default=ENGLISH, kw_only=True)

    def _mark(self) -> Iterable[bytes]:
        """The bytes that the words add to the contents: none for English, as in fingerprints of older studies."""
        return () if self.words == ENGLISH else (f"words: {self.words.name}".encode(),)
