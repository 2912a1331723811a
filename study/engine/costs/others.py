"""What other programs do meanwhile on the cores that this process may use."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
IDLE = slice(3, 5)  # of a core's times: idle, and idle for want of a disk
GUEST = 8  # where the times begin that are counted among the others already


class Others:
    """A stopwatch: how much of this process's cores other programs have taken since it was made."""

    def __init__(self) -> None:
        self.wall, self.mine, self.busy = time.perf_counter(), time.process_time(), busy_seconds()

    def share(self) -> float | None:
        """From 0 to 1, with what a virtual machine's host withheld; None where the system does not tell."""
        busy = busy_seconds()
        if busy is None or self.busy is None:
            return None
        mine, wall = time.process_time() - self.mine, time.perf_counter() - self.wall
        available = len(os.sched_getaffinity(0)) * max(wall, 1e-9)
        return min(1.0, max(0.0, busy - self.busy - mine) / available)


def busy_seconds(text: str | None = None, cores: set[int] | None = None) -> float | None:
    """Seconds that these cores, by default this process's, have worked or been withheld since the system started.

    `text` is that of Linux's /proc/stat, as it is now where it is not given; None where there is none.
    """
    if text is None:
        if not STAT.exists():
            return None
        text = STAT.read_text()
    counted = os.sched_getaffinity(0) if cores is None else cores
    rows = [line.split() for line in text.splitlines()]
    times = [[int(part) for part in row[1:]] for row in rows if row and row[0] in {f"cpu{core}" for core in counted}]
    ticks = sum(sum(row[:GUEST]) - sum(row[IDLE]) for row in times)
    return ticks / os.sysconf("SC_CLK_TCK")
