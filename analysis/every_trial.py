"""Every trial of a study and its folds as tables, whatever became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis.axes import TITLES
from analysis.grid import Grid, grid_of
from analysis.infeasible import broken_text
from analysis.runs import StudyRuns, score_text
from study.core import formatting as fmt
from study.core.alone import cost_of_trial
from study.core.figures import costs_of

ROOM = 300  # rows that a page has room for; trials.csv has all
USUAL = ("params/trainable", "memory/train_bytes", "time/train_seconds", "latency/ms")  # costs in every table
RUN = 8  # letters of a run's id that tell it from others; trials.csv has all


def trials_grid(runs: StudyRuns, room: int | None = ROOM) -> Grid:
    """A row for each trial with its state and, where it ended early, why; the first cell leads to its run."""
    shown = runs.trials.head(len(runs.trials) if room is None else room)
    grid = grid_of([_trial_cells(row, runs.info.objectives) for row in shown.to_dict("records")])
    links = tuple(runs.link(run) for run in shown["run_id"])
    return replace(grid, links=links, left_out=len(runs.trials) - len(shown))


def folds_grid(runs: StudyRuns, room: int | None = ROOM) -> Grid:
    """A row for each trial that has a scored fold, a column for each fold; a fold that was not scored is a dash."""
    if runs.folds.empty:
        return Grid((), ())
    wide = runs.folds.pivot(index="number", columns="fold", values="score")
    shown = wide.head(len(wide) if room is None else room)
    trials = runs.trials.set_index("number")
    rows = [_fold_cells(number, scores, trials.loc[number]) for number, scores in shown.iterrows()]
    return replace(grid_of(rows), left_out=len(wide) - len(shown))


def shown_state(row: Any) -> str:
    """What became of a trial: complete, failed, pruned, incomplete, or repeated, which is the result of another."""
    return "repeated" if not fmt.missing(row["duplicate_of"]) else str(row["state"])


def measured_cells(row: Any, objectives: Sequence[str]) -> dict[str, str]:
    """What a trial costs, in the study's own costs and the usual ones, and scores on the test: heading → cell."""
    names = dict.fromkeys([*USUAL, *costs_of(objectives)])
    costs = {TITLES[name].capitalize(): cost_of_trial(name, row).text for name in names}
    return {**costs, "Test score": fmt.number(row["test/score"])}


def _trial_cells(row: dict[Any, Any], objectives: Sequence[str]) -> dict[str, str]:
    of = row["duplicate_of"]
    reasons = [" ".join(str(row[key]).split()) for key in ("error", "stopped") if not fmt.missing(row[key])]
    reasons += [broken] if (broken := broken_text(row)) else []
    return {
        "Trial": str(row["number"]),
        "Configuration": fmt.text(row["label"]),
        "State": shown_state(row) + ("" if fmt.missing(of) else f" (of {of})"),
        "Score ± SE": score_text(row),
        **measured_cells(row, objectives),
        "Error, or why it was stopped": "; ".join(reasons) or fmt.MISSING,
        "Run": fmt.text(row["run_id"])[:RUN],
    }


def _fold_cells(number: Any, scores: pd.Series, trial: pd.Series) -> dict[str, str]:
    return {
        "Trial": str(number),
        "Configuration": fmt.text(trial["label"]),
        "State": shown_state(trial),
        **{f"Fold {fold}": fmt.number(score) for fold, score in scores.items()},
        "Mean ± SE": score_text(trial),
    }
