"""How long a piece of work takes on a device."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


def time_of(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that the work takes, a GPU's work included."""
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun
