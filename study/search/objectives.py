"""What a trial is told to be worth: means over its folds, with their standard errors."""

from __future__ import annotations

import math
import statistics

from study.config import SCORES
from study.records import TrialResult

SUMMED = ("time/train_seconds",)
LARGEST = ("memory/train_bytes", "memory/peak_bytes")
SPREAD = ("score", *SCORES, "loss")


def summary(result: TrialResult) -> dict[str, float]:
    """Every metric of a trial: the mean over folds, `_se` beside a score, each fold's score.

    Times are summed and memory is the largest fold's. Folds without a result, or with a figure that is not
    a number, bring nothing.
    """
    folds = [f for f in (fold.sound() for fold in result.folds) if f.score is not None]
    out: dict[str, float] = {}
    for name in dict.fromkeys(k for f in folds for k in f.metrics):
        values = [f.metrics[name] for f in folds if name in f.metrics]
        out[name] = sum(values) if name in SUMMED else max(values) if name in LARGEST else statistics.fmean(values)
        if name in SPREAD and len(values) > 1:
            out[f"{name}_se"] = statistics.stdev(values) / math.sqrt(len(values))
    return out | {f"score/fold_{f.fold}": f.score for f in folds if f.score is not None}
