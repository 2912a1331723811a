"""How long one answer takes, as the model would be deployed."""

from __future__ import annotations

import time

import numpy as np
import torch

from study.engine.fit import Fit

RUNS, WARM_UP = 10, 2  # answers that are timed, and those before them that warm caches up


@torch.no_grad()
def latency(fit: Fit) -> float:
    """Milliseconds to answer one row of median length: the median of several."""
    lengths = fit.problem.lengths
    row = int(np.argsort(lengths, kind="stable")[len(lengths) // 2])
    times = []
    for _ in range(RUNS + WARM_UP):
        begun = time.perf_counter()
        fit.problem.answer(fit.pack, row).cpu()
        times.append(time.perf_counter() - begun)
    return float(np.median(times[WARM_UP:])) * 1000
