"""What a person sees while a sweep runs: one bar of folds, time left, the best so far."""

from __future__ import annotations

import sys
from typing import Any

from study.records import FoldResult, TrialResult
from study.search.objectives import summary
from study.search.plan import Plan


class Progress:
    """A live bar on a terminal; silence elsewhere."""

    def __init__(self, plan: Plan) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.plan, self.folds = plan, len(plan.folds)
        self.best: tuple[float, str] | None = None
        self.counted: dict[int, int] = {}
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

    def trial_started(self, number: int) -> None:
        """A trial's folds are on their way."""
        self.counted.setdefault(number, 0)

    def fold_done(self, result: FoldResult) -> None:
        """One fold more."""
        self.counted[result.trial] += 1
        self.bar.advance(self.row)

    def trial_done(self, result: TrialResult) -> None:
        """A trial more: what is left of its folds (it repeats another) is done too."""
        self.bar.advance(self.row, self.folds - self.counted.get(result.trial, 0))
        self.counted[result.trial] = self.folds
        score = summary(result).get("score")
        if score is not None and (self.best is None or score > self.best[0]):
            self.best = (score, self.plan.label(result.configuration))
            self.bar.update(self.row, best=f"best {score:.3f} ({self.best[1]})")
