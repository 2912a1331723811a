"""What a trial's run in MLflow ends with."""

from __future__ import annotations

from study.config.members import TrialResult
from study.core.figures import partial_figures
from study.core.mlflow_notes import NOTE
from study.record.runs import RunEnd
from study.record.tags import outcome_tags
from study.record.tracker import Finished


def start_of(result: TrialResult) -> float | None:
    """When the first of the trial's folds began; None where none says so."""
    return min((f.started for f in result.folds if f.started), default=None)


def end_of(result: TrialResult) -> float | None:
    """When the trial would have ended had it never waited: its start and the time in which a fold of it trained.

    A raced trial waits between its folds for others. None where no fold says when it trained.
    """
    times = sorted((f.started, f.ended) for f in result.folds if f.started and f.ended)
    if not times:
        return None
    lasted, until = 0.0, times[0][0]
    for started, ended in times:  # folds of a pack, or of several workers, train at once
        lasted += max(0.0, ended - max(started, until))
        until = max(until, ended)
    return times[0][0] + lasted


def trial_ending(trial: Finished, run: str, note: str, tags: dict[str, str]) -> RunEnd:
    """The figures, tags and status with which the trial closes its run, which lasts as long as its folds trained.

    Trials of a round are closed together, when the last of them has ended.
    """
    result = trial.result
    summary = trial.summary if result.complete else partial_figures(trial.summary)
    figures = [(name, value, 0) for name, value in summary.items()]
    return RunEnd(run, figures, {**outcome_tags(result), NOTE: note, **tags}, result.status, end_of(result))
