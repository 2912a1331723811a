"""Frozen records that pass between layers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from study.config import Configuration


@dataclass(frozen=True)
class Fold:
    """One split of the study's examples: positions to train on and to score."""

    index: int
    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Member:
    """One training: a trial's configuration on one fold, with a seed of its own."""

    trial: int
    fold: int
    configuration: Configuration
    seed: int


@dataclass(frozen=True)
class Epoch:
    """What one epoch of one member measured; `loss` is the mean task loss, `distance` is L2."""

    epoch: int
    step: int
    loss: float
    distance: float
    score: float


@dataclass(frozen=True)
class FoldResult:
    """What one member brought: `score` is missing (None) exactly when `error` is not.

    `metrics` holds every figure under its MLflow name (``score``, ``params/trainable``,
    ``memory/train_bytes``...); `score` is also there. `notes` are what a person should hear once.
    """

    trial: int
    fold: int
    score: float | None
    metrics: dict[str, float] = field(default_factory=dict)
    epochs: tuple[Epoch, ...] = ()
    started: float = 0.0
    ended: float = 0.0
    device: str = "cpu"
    error: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The record as JSON, for a storage."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> FoldResult:
        """The inverse of :meth:`to_json`."""
        raw: dict[str, Any] = json.loads(text)
        raw["epochs"] = tuple(Epoch(**e) for e in raw["epochs"])
        raw["notes"] = tuple(raw.get("notes", ()))
        return cls(**raw)


@dataclass(frozen=True)
class TrialResult:
    """A trial whose every fold has a result, in fold order."""

    trial: int
    configuration: Configuration
    folds: tuple[FoldResult, ...]
    baseline: str | None = None
    duplicate_of: int | None = None

    @property
    def complete(self) -> bool:
        """Whether every fold has a score."""
        return all(f.score is not None for f in self.folds)


@dataclass(frozen=True)
class Provenance:
    """Where a study's results come from, as flat tags."""

    tags: dict[str, str]
