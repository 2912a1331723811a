"""A tracker in one file: a table of trials and folds as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.answer_tables import Table
from study.core.records import Adaptation, FoldResult, Provenance
from study.record import Tracker


class Lines(Tracker):
    """The record as JSON at `path`: by name, the status and the figures of the study, its trials and their folds."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.rows: dict[str, dict[str, Any]] = {}

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        self.rows = json.loads(self.path.read_text()) if self.path.exists() else {}
        self._write("study", "RUNNING")

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        if not self._closed(number):
            self._write(f"{number}", "RUNNING")

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        """Lines have no room for it."""

    def fold(self, result: FoldResult) -> None:
        if not self._closed(result.trial):
            self._write(f"{result.trial}/{result.fold}", "FAILED" if result.error else "FINISHED", result.metrics)

    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        if "answers" not in self.rows[f"{number}"] and (table := compute()):
            self.rows[f"{number}"]["answers"] = {name: values.tolist() for name, values in table.items()}
            self.path.write_text(json.dumps(self.rows))

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        if not self._closed(result.trial):
            self._write(f"{result.trial}", result.status, summary)
            self._close(result.trial)

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        self._write(f"{number}", self.rows[f"{number}"]["status"], figures)

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        if not self.rows["study"]["figures"]:
            self._write("study", "RUNNING", compute())

    def end(self, status: str) -> None:
        for name in [name for name, row in self.rows.items() if row["status"] == "RUNNING"]:
            self._write(name, status if name == "study" else "KILLED")

    def report(self, folder: Path) -> None:
        self._write("report", folder.name)

    def _closed(self, number: int) -> bool:
        return bool(self.rows.get(f"{number}", {}).get("closed"))

    def _close(self, number: int) -> None:
        self.rows[f"{number}"]["closed"] = True
        self.path.write_text(json.dumps(self.rows))

    def _write(self, name: str, status: str, figures: dict[str, float] | None = None) -> None:
        row = self.rows.get(name, {})
        self.rows[name] = {**row, "status": status, "figures": {**row.get("figures", {}), **(figures or {})}}
        self.path.write_text(json.dumps(self.rows))
