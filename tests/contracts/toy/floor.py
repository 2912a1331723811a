"""A pruner in one file: a trial whose scores so far are low on average stops."""

from __future__ import annotations

from statistics import fmean

from study.config.members import Stop
from study.search.pruners import Pruner, Race


class Floor(Pruner):
    """One fold after the other; a trial stops as soon as the mean of its scores is below `least`."""

    def __init__(self, least: float = 0.5) -> None:
        self.least = least

    def waves(self, folds: int) -> tuple[range, ...]:
        return tuple(range(k, k + 1) for k in range(folds))

    def stops(self, race: Race) -> list[Stop]:
        means = {e.number: (len(e.folds), fmean(e.scores)) for e in race.open if e.folds}
        return [Stop(n, k, f"scores {m:.3f}, below {self.least}") for n, (k, m) in means.items() if m < self.least]
