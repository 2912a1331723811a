"""Frozen records that pass between layers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from study.core import site_ranks
from study.core.answers import Answers

SMALLER = "try a smaller train.lr"
PRUNED, INFEASIBLE = "pruned", "infeasible"  # what becomes of a trial that stops before its last fold


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """Those of the figures that are finite numbers."""
    return {name: value for name, value in figures.items() if math.isfinite(value)}


def fault_of(figures: Mapping[str, float], epoch: int) -> str | None:
    """Which figure, measured after that epoch, is not a finite number and what helps; None where all are."""
    for name, value in figures.items():
        if not math.isfinite(value):
            if "/" in name:  # a measurement of the machine, not of what was learned
                return f"its {name} is {value}; train it again under another study.name"
            return (
                f"its {'distance' if name == 'distance' else f'held-out {name}'} is {value} in epoch {epoch}; {SMALLER}"
            )
    return None


@dataclass(frozen=True)
class Fold:
    """One split of the study's examples: positions to train on and to score."""

    index: int
    train: np.ndarray
    valid: np.ndarray


@dataclass(frozen=True)
class Adaptation:
    """A configuration resolved on a model: the rank of each adapted layer by its name, and what that comes to.

    `lowest` is the lowest block that changes, the number of blocks where none does; `trained` numbers train and
    `stored` numbers must be kept, the head's apart; `packs` is whether its members can train together.
    """

    ranks: Mapping[str, int]
    lowest: int
    trained: int
    stored: int
    packs: bool = True

    @property
    def whole(self) -> bool:
        """Whether every weight of the model trains, as under full fine-tuning, rather than some layers by a rank."""
        return self.trained > 0 and not self.ranks

    def to_json(self) -> str:
        """The record as JSON, short enough for a tag of MLflow with hundreds of layers."""
        return json.dumps({**vars(self), "ranks": site_ranks.compress(self.ranks)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Adaptation:
        """The inverse of :meth:`to_json`; ValueError where the text is cut short."""
        raw: dict[str, Any] = json.loads(text)
        return cls(**{**raw, "ranks": site_ranks.expand(raw["ranks"])})


@dataclass(frozen=True)
class Epoch:
    """What one epoch of one member measured; `loss` is the mean task loss, `distance` is L2.

    `score` is the held-out one, None where it was not taken: see `train.curves`.
    """

    epoch: int
    step: int
    loss: float
    distance: float
    score: float | None = None

    @property
    def fault(self) -> str | None:
        """What of it is not a finite number, in words."""
        if not math.isfinite(self.loss):
            return f"its loss is {self.loss} in epoch {self.epoch}; {SMALLER}"
        scores = {} if self.score is None else {"score": self.score}
        return fault_of({"distance": self.distance, **scores}, self.epoch)


@dataclass(frozen=True)
class FoldResult:
    """What one member brought: `score` is missing (None) exactly when `error` is not.

    `metrics` holds every figure under its MLflow name (``score``, ``params/trainable``,
    ``memory/train_bytes``...); `score` is also there. `notes` are what a person should hear once.
    `answers` are those to the held-out examples after the last epoch, None where an earlier version kept none.
    `transient` is an error that says nothing of the member: what trained it died or hung.
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
    answers: Answers | None = None
    transient: bool = False

    def to_json(self) -> str:
        """The record as JSON, for a storage; ValueError where a figure is not a number."""
        answers = None if self.answers is None else self.answers.to_text()
        raw = {**asdict(replace(self, answers=None)), "answers": answers}
        kept = {key: value for key, value in raw.items() if key != "transient" or value}  # which earlier versions lack
        return json.dumps(kept, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> FoldResult:
        """The inverse of :meth:`to_json`; a figure that is not a number, as was once kept, makes it a failure."""
        raw: dict[str, Any] = json.loads(text)
        raw["epochs"] = tuple(Epoch(**e) for e in raw["epochs"])
        raw["notes"] = tuple(raw.get("notes", ()))
        raw["answers"] = Answers.from_text(raw["answers"]) if raw.get("answers") else None
        return cls(**raw).sound()

    def with_workers(self, count: int) -> FoldResult:
        """This result with the number of packs that may have trained at once on its machine; a failure as it is."""
        return self if self.score is None else replace(self, metrics={**self.metrics, "pack/workers": float(count)})

    def sound(self) -> FoldResult:
        """This result, or, where one of its figures is not a finite number, a failure that names the figure."""
        last, right = len(self.epochs), tuple(e for e in self.epochs if e.fault is None)
        faults = [e.fault for e in self.epochs] + [fault_of(self.metrics, last)]
        if self.score is not None:
            faults.append(fault_of({"score": self.score}, last))
        fault = self.error or next((f for f in faults if f is not None), None)
        if fault is None:
            return self
        return replace(self, score=None, metrics={}, epochs=right, error=fault, answers=None)


@dataclass(frozen=True)
class Provenance:
    """Where a study's results come from, as flat tags."""

    tags: dict[str, str]
