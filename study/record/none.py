"""No record at all: `tracking=off`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.answer_tables import Table
from study.core.records import Adaptation, FoldResult, Provenance
from study.record.tracker import Tracker


class NoTracker(Tracker):
    """Keeps nothing, and computes nothing for a record."""

    unreported = "tracking=off keeps none"

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        """Nothing is opened."""

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        """Nothing is kept of it."""

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        """Nothing is kept of it."""

    def fold(self, result: FoldResult) -> None:
        """Nothing is kept of it."""

    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        """They are put into no table."""

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        """Nothing is kept of it."""

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        """Nothing is kept of it."""

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        """They are not computed."""

    def end(self, status: str) -> None:
        """Nothing is open."""

    def report(self, folder: Path) -> None:
        """It lies where it is."""
