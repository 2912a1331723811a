"""What a trial is told to be worth: its folds' figures, combined."""

from __future__ import annotations

from study.config.members import TrialResult
from study.core import figures


def summary(result: TrialResult) -> dict[str, float]:
    """Every figure of a trial, with the standard errors of its scores, and each fold's score.

    Folds without a result, or with a figure that is not a number, bring nothing.
    """
    folds = [f for f in (fold.sound() for fold in result.folds) if f.score is not None]
    scores = {f"{figures.FOLD}{f.fold}": f.score for f in folds if f.score is not None}
    return figures.combine([f.metrics for f in folds]) | scores
