"""What a person sees while a sweep runs: one bar of folds, time left, the best so far."""

from __future__ import annotations

import sys
from typing import Any

from study.records import FoldResult, TrialResult
from study.search.plan import Plan


class Progress:
    """A live bar on a terminal; silence elsewhere."""

    def __init__(self, plan: Plan) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.folds = len(plan.folds)
        self.best: tuple[float, str] | None = None
        self.labels: dict[int, str] = {}
        self.scores: dict[int, list[float | None]] = {}
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("folds"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[best]}"),
            console=Console(stderr=True),
            speed_estimate_period=600,
            disable=not sys.stderr.isatty(),
        )
        total = plan.config.study.trials * self.folds
        self.row: Any = self.bar.add_task(plan.config.study.name, total=total, best="")

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.bar.stop()

    def trial_started(self, number: int, label: str) -> None:
        """A trial's folds are on their way."""
        self.labels[number] = label
        self.scores.setdefault(number, [])

    def fold_done(self, result: FoldResult) -> None:
        """One fold more."""
        scores = self.scores[result.trial]
        scores.append(result.score)
        self.bar.advance(self.row)
        known = [s for s in scores if s is not None]
        if len(known) == self.folds:
            self._compare(sum(known) / self.folds, self.labels[result.trial])

    def trial_done(self, result: TrialResult) -> None:
        """A trial more: what is left of its folds (it repeats another, or had ended before) is done too."""
        scores = self.scores.setdefault(result.trial, [])
        self.bar.advance(self.row, self.folds - len(scores))
        self.scores[result.trial] = [None] * self.folds

    def _compare(self, score: float, label: str) -> None:
        if self.best is None or score > self.best[0]:
            self.best = (score, label)
            self.bar.update(self.row, best=f"best {score:.3f} ({label})")
