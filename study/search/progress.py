"""What a person sees while a sweep runs: one bar of folds, time left, the best so far."""

from __future__ import annotations

import sys
from typing import Any

from study.config.members import Stop, TrialResult
from study.core.formatting import plural
from study.core.records import FoldResult
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
        self.said: set[str] = set()
        self.scores: dict[int, list[float | None]] = {}
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("folds"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[best]}", markup=False),  # a regular expression may hold brackets
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
        self.scores[result.trial].append(result.score)
        self.bar.advance(self.row)
        self._compare(result.trial, self.scores[result.trial])

    def trial_done(self, result: TrialResult) -> None:
        """A trial more: what is left of its folds (it repeats another, or had ended before) is done too."""
        self.bar.advance(self.row, self.folds - len(self.scores[result.trial]))
        self._compare(result.trial, [f.score for f in result.folds])

    def trial_stopped(self, stop: Stop) -> None:
        """A trial ends before its last fold."""
        after = f"after {stop.folds} of {plural(self.folds, 'fold')}" if stop.folds else "before its first fold"
        line = f"Trial {stop.trial} ({self.labels[stop.trial]}) stopped {after}: it {stop.reason}."
        self.bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def say(self, notes: tuple[str, ...]) -> None:
        """What a person should hear, each thing once."""
        for note in notes:
            if note not in self.said:
                self.said.add(note)
                self.bar.console.print(f"Note: {note}.", highlight=False, markup=False, soft_wrap=True)

    def _compare(self, trial: int, scores: list[float | None]) -> None:
        """Show the trial as the best if all its folds have scores and their mean beats the best so far."""
        known = [s for s in scores if s is not None]
        if len(known) < self.folds:
            return
        score = sum(known) / self.folds
        if self.best is None or score > self.best[0]:
            self.best = (score, self.labels[trial])
            self.bar.update(self.row, best=f"best {score:.3f} ({self.labels[trial]})")
