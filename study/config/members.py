"""What is trained and what came of it: members, each a trial on one fold, and the trials that they add up to."""

from __future__ import annotations

from dataclasses import dataclass

from study.config.schema import Configuration
from study.core.records import Adaptation, FoldResult


@dataclass(frozen=True)
class Member:
    """One training: a trial's configuration on one fold, with a seed of its own.

    `adaptation` is what the configuration comes to on its model.
    """

    trial: int
    fold: int
    configuration: Configuration
    seed: int
    adaptation: Adaptation


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
