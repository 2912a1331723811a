"""What a person sees while a sweep runs: a bar of folds, one of test scores, time left, the best so far."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from study.config.members import Member, Stop, TrialResult
from study.core import status_line
from study.core.formatting import plural
from study.core.prose import break_lines
from study.core.records import FoldResult
from study.search.plan import Plan

Train = Callable[[list[Member], set[tuple[int, int]]], Iterator[FoldResult]]
FIRST = "loading the model"  # what workers do until their first fold trains


class Progress:
    """A live bar on a terminal; silence elsewhere."""

    def __init__(self, plan: Plan) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
        from rich.table import Column

        console = Console(stderr=True)
        self.folds = len(plan.folds)
        self.best: tuple[float, str] | None = None
        self.labels: dict[int, str] = {}
        self.said: set[str] = set()
        self.scores: dict[int, list[float | None]] = {}
        self.bar = Bar(
            TextColumn("{task.description}", markup=False, table_column=_name_column(Column, max_width=16)),
            BarColumn(bar_width=10 if console.width >= 80 else 4),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[best]}"),
            # A regular expression may hold brackets.
            TextColumn("{task.fields[label]}", markup=False, table_column=_name_column(Column, ratio=1)),
            console=console,
            speed_estimate_period=600,
            disable=not sys.stderr.isatty(),
            expand=True,
        )
        total = plan.config.study.trials * self.folds
        self.row: Any = self.bar.add_task(plan.config.study.name, total=total, unit="folds", best="", label=FIRST)

    def __enter__(self) -> Progress:
        status_line.start_instead(self.bar)
        return self

    def __exit__(self, *exc: object) -> None:
        self.bar.stop()
        status_line.say("Closing the record")

    def counting(self, train: Train) -> Train:
        """The same training, with a bar of its own for the test scores that it is asked for."""

        def train_counted(members: list[Member], known: set[tuple[int, int]]) -> Iterator[FoldResult]:
            total = sum((m.trial, m.fold) not in known for m in members)
            row = self.bar.add_task("test scores", total=total, unit="trials", best="", label="", visible=total > 0)
            for result in train(members, known):
                self.bar.advance(row)
                yield result

        return train_counted

    @contextmanager
    def measuring(self) -> Iterator[None]:
        """A row that says, meanwhile, that costs are measured, for which nothing else trains."""
        label = "measured while nothing trains"
        row = self.bar.add_task("costs alone", total=None, unit="", best="", label=label)
        try:
            yield
        finally:
            self.bar.remove_task(row)

    def trial_started(self, number: int, label: str) -> None:
        """A trial's folds are on their way."""
        self.labels[number] = label
        self.scores.setdefault(number, [])

    def fold_done(self, result: FoldResult) -> None:
        """One fold more."""
        self.scores[result.trial].append(result.score)
        self._advance(1)
        self._compare(result.trial, self.scores[result.trial])

    def trial_done(self, result: TrialResult) -> None:
        """A trial more: what is left of its folds (it repeats another, or had ended before) is done too."""
        self._advance(0 if result.passed_over else self.folds - len(self.scores[result.trial]))
        self._compare(result.trial, [f.score for f in result.folds])

    def expect(self, folds: int) -> None:
        """So many folds follow that belong to no trial of the search."""
        total = next(task.total or 0 for task in self.bar.tasks if task.id == self.row)
        self.bar.update(self.row, total=total + folds)

    def repeat_done(self, result: FoldResult) -> None:
        """One of them more; what it scored is no whole trial's."""
        self.bar.advance(self.row)

    def trial_stopped(self, stop: Stop) -> None:
        """A trial ends before its last fold."""
        after = f"after {stop.folds} of {plural(self.folds, 'fold')}" if stop.folds else "before its first fold"
        line = f"Trial {stop.trial} ({self.labels[stop.trial]}) stopped {after}: it {stop.reason}."
        self._print(line)

    def say(self, notes: tuple[str, ...]) -> None:
        """What a person should hear, each thing once."""
        for note in notes:
            if note not in self.said:
                self.said.add(note)
                self._print(f"Note: {note.rstrip('.')}.")

    def _print(self, line: str) -> None:
        lines = break_lines(line, sys.stderr)
        self.bar.console.print(lines, highlight=False, markup=False, soft_wrap=True)

    def _advance(self, folds: int) -> None:
        self.bar.advance(self.row, folds)
        if folds and self.bar.tasks[0].fields["label"] == FIRST:
            self.bar.update(self.row, label="")

    def _compare(self, trial: int, scores: list[float | None]) -> None:
        """Show the trial as the best if all its folds have scores and their mean beats the best so far."""
        known = [s for s in scores if s is not None]
        if len(known) < self.folds:
            return
        score = sum(known) / self.folds
        if self.best is None or score > self.best[0]:
            self.best = (score, self.labels[trial])
            self.bar.update(self.row, best=f"best {score:.3f}", label=self.labels[trial])


def _name_column(make: Any, **room: int) -> Any:
    """A column that gives its room up to numbers: its text is cut short where the terminal is narrow."""
    return make(no_wrap=True, overflow="ellipsis", **room)
