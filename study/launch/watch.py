"""Time that passes while somebody looks, for what may hang."""

from __future__ import annotations

import time


class Watch:
    """Seconds since the last look, which count as so many at most: a machine that slept, or a driver that was stopped
    for a while, blames nobody."""

    def __init__(self) -> None:
        self._looked = time.monotonic()

    def look(self, most: float) -> float:
        """The seconds that have passed, `most` where it was not looked for longer."""
        before, self._looked = self._looked, time.monotonic()
        return min(self._looked - before, most)
