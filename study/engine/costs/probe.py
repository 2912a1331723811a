"""Short measurements on the device at hand, for choices that no table can make."""

from __future__ import annotations

import numpy as np
import torch

from study.config.members import Member
from study.engine.costs.clock import time_of
from study.engine.costs.memory import is_out_of_memory
from study.engine.fit import Fit
from study.engine.workbench import Workbench

STEPS = 2  # timed, after one that is not
TRIES = 3  # products that are timed
GAIN = 1.2  # how much more a pack twice as large must get done in the same time
SIDES = (256, 512, 1024)  # of the square matrices that a precision is judged by, the last of which decides
HOPELESS = 2.0  # how much longer bfloat16 takes where larger products are not tried: it was 20 to 100 times as long


def pack_size(member: Member, most: int, bench: Workbench) -> int:
    """How many members like this one pay in one pack: 1, 2, 4 … up to `most`.

    A pack is doubled while that brings at least a fifth more member steps a second and the memory holds
    its longest batch.
    """
    chosen, rate = 1, 0.0
    size = 1
    while size <= most:
        try:
            now = size / _seconds(member, size, bench)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            break
        if now < GAIN * rate:
            break
        chosen, rate, size = size, now, 2 * size
    return chosen


def _seconds(member: Member, size: int, bench: Workbench) -> float:
    """The best time of a step on texts of median length, after one that warms up; on a GPU that is on the longest."""
    fit = Fit([member] * size, bench)
    try:
        batch_size = member.configuration.train.batch_size
        order = np.argsort(fit.problem.lengths, kind="stable")
        middle = order[max(0, (len(order) - batch_size) // 2) :][:batch_size]
        fit.step([order[-batch_size:] if bench.device.type == "cuda" else middle] * size, active=False)
        return min(time_of(lambda: fit.step([middle] * size, active=False), bench.device) for _ in range(STEPS))
    finally:
        fit.pack.close()


def precision(device: torch.device) -> str:
    """bfloat16 where its products are clearly faster on this device than float32's, else float32.

    Small products come first, and the first that bfloat16 makes hopelessly slowly ends it.
    """
    for side in SIDES:
        float32, bfloat16 = (_product_seconds(side, dtype, device) for dtype in (torch.float32, torch.bfloat16))
        if bfloat16 > HOPELESS * float32:
            return "float32"
    return "bfloat16" if float32 > GAIN * bfloat16 else "float32"


def _product_seconds(side: int, dtype: torch.dtype, device: torch.device) -> float:
    """The best time of a square product, after one that warms up."""
    a = torch.ones(side, side, device=device, dtype=dtype)
    time_of(lambda: a @ a, device)
    return min(time_of(lambda: a @ a, device) for _ in range(TRIES))
