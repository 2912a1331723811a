"""What scores can be and can differ by: an interval that is shown does not leave it."""

from __future__ import annotations

import math

from study.core import formatting as fmt

SHARES = ("accuracy", "macro_f1", "rouge1", "rouge2", "rougeL")  # metrics from 0 to 1; one of a user's may be anything
NOTHING = "says nothing"


def score_limits(metric: str) -> tuple[float, float]:
    """The least and the largest that a score of the metric can be."""
    return (0.0, 1.0) if metric in SHARES else (-math.inf, math.inf)


def difference_interval(metric: str, low: float, high: float) -> str:
    """The interval of a difference of two scores, within what they can differ by; that it says nothing where it is all
    of that."""
    least, most = score_limits(metric)
    widest = most - least
    if low <= -widest and high >= widest:
        return NOTHING
    return fmt.interval(max(low, -widest), min(high, widest))
