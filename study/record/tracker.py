"""The contract of a tracker: a record of a study beside its store, for readers and for the report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.answer_tables import Table
from study.core.records import Adaptation, FoldResult, Provenance


class Tracker(ABC):
    """Records a study, its trials and their folds. Guarantees:

    making one and its checks create nothing, and what can be known to be wrong is said there; whoever tells the same
    trial or fold again leaves one record; a trial is FINISHED where each of its folds has a score, FAILED where one has
    none, KILLED where it was stopped before its last fold, and stays as it is from then on; what is open at the end is
    KILLED too, and goes on where the study does; a trial lasts from the start of its first fold to the end of its last
    one; a study that is started again goes on in its own record, known by the tag `lora_study.study_id`; records of
    others are neither taken nor changed.

    It is called by the driver alone: the checks, `start`, then trials in any order (`trial`, `fold`, `answers`,
    `finish_trial`, `add_figures`) and `references`, then `end`, then `report`.
    """

    unreported: str = "this study's tracker keeps none"  # why there is no report; empty where one can be made

    def check_address(self) -> None:  # noqa: B027 -- there may be no address
        """Raise ConfigError where the arguments alone show that nothing can be kept there; imports no library."""

    def check(self, config: StudyConfig) -> None:  # noqa: B027 -- there may be nothing to find out
        """Raise ConfigError where the study cannot be recorded for a reason that can be known; creates nothing."""

    @abstractmethod
    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        """Open the study's record, or go on with it; `artifacts` are files by name, as what JSON or YAML can hold."""

    @abstractmethod
    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        """Open a trial's record, or go on with it."""

    @abstractmethod
    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        """Record what an open or closed trial's configuration comes to on its model, once."""

    @abstractmethod
    def fold(self, result: FoldResult) -> None:
        """Record a finished fold of an open trial."""

    @abstractmethod
    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        """Record what an open or closed trial answered to each held-out example, once; a table without columns is none.

        `compute` is called where it is not recorded yet. A trial that repeats another has no table of its own.
        """

    @abstractmethod
    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        """Close a trial's record with its means and standard errors."""

    @abstractmethod
    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        """Add what was measured of a trial after the search: its held-out score, its exports."""

    @abstractmethod
    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        """Record what needs no training; `compute` is called where it is not recorded yet."""

    @abstractmethod
    def end(self, status: str) -> None:
        """Close the record: FINISHED, KILLED or FAILED."""

    @abstractmethod
    def report(self, folder: Path) -> None:
        """Attach the report, and show the answer that it holds: study/core/conclusion.py."""

    def command(self) -> str:
        """What a person types to look at the record; empty where there is nothing to look at."""
        return ""

    def page(self) -> str:
        """Where a browser then shows the trials, best first, once the study has started; empty where nothing does."""
        return ""
