"""How far a mean of a few values may be from that of many."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def standard_error(values: Sequence[float]) -> float:
    """The standard error s/√k of the mean of k values, s on k − 1 degrees of freedom; NaN for fewer than two."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
