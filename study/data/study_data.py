"""What workers are given of a study: its examples and its folds."""

from __future__ import annotations

from dataclasses import dataclass

from study.core.records import Fold
from study.data.examples import Examples


@dataclass(frozen=True)
class StudyData:
    """The examples of a study and its folds; picklable, and the same everywhere."""

    examples: Examples
    folds: tuple[Fold, ...]
