"""How long one answer takes, as the model would be deployed."""

from __future__ import annotations

import numpy as np
import torch

from study.engine.costs.clock import time_of
from study.engine.fit import Fit

RUNS, WARM_UP = 10, 2  # answers that are timed, and those before them that warm caches up


@torch.no_grad()
def latency(fit: Fit, runs: int = RUNS, warm_up: int = WARM_UP) -> float:
    """Milliseconds to answer one row of median length: the median of `runs` answers after `warm_up` others."""
    lengths = fit.problem.lengths
    row = int(np.argsort(lengths, kind="stable")[len(lengths) // 2])
    times = [time_of(lambda: fit.problem.answer(fit.pack, row).cpu(), fit.device) for _ in range(runs + warm_up)]
    return float(np.median(times[warm_up:])) * 1000
