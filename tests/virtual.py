"""A launcher on a clock of its own: members take as long as is said, and nobody waits for them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from invented import Invented

from study.config.members import Member
from study.core.records import FoldResult
from study.launch import Packs, nothing


def equal(member: Member) -> float:
    """Every member takes a second."""
    return 1.0


@dataclass
class Virtual(Invented):
    """Invents results; each pack holds a worker for what its members' `cost` in seconds adds up to.

    Packs go, in their order, to whichever worker is free first. `now` is when the driver has its last result. The
    driver takes no time, or, where there is a `clock`, the time that it takes by that.
    """

    cost: Callable[[Member], float] = equal
    clock: Callable[[], float] | None = None
    now: float = 0.0
    busy: float = 0.0  # seconds of all workers together
    most: int = 0  # packs that were given out and not taken at once
    free: list[float] = field(default_factory=list)
    ready: int = 0
    left: float = 0.0  # when the driver was last given something to do, by its clock

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        if self.free:
            self._come_back()  # from what it did between two runs
        self.free = self.free or [0.0] * self.workers
        coming: list[tuple[float, int, list[Member]]] = []
        order = count()
        self._give(packs, coming, order)
        while coming:
            self.now = max(self.now, coming[0][0])
            members: list[Member] = []
            while coming and coming[0][0] <= self.now:  # what has come while the driver was busy, too
                members += heapq.heappop(coming)[2]
            for left, member in zip(range(len(members) - 1, -1, -1), members, strict=True):
                self.ran.append((member.trial, member.fold))
                self.ready, result = left, self._result(member)
                self._leave()
                yield result
                self._come_back()
            self._leave()
            following = more()
            self._come_back()
            self._give(following, coming, order)
        self._leave()

    def _leave(self) -> None:
        """The driver has something to do."""
        self.left = self.clock() if self.clock else 0.0

    def _come_back(self) -> None:
        """The driver has done it."""
        self.now += self.clock() - self.left if self.clock else 0.0

    def _give(self, packs: Packs, coming: list[tuple[float, int, list[Member]]], order: Iterator[int]) -> None:
        for pack in packs:
            self.packs.append([(m.trial, m.fold) for m in pack])
            seconds = sum(map(self.cost, pack))
            end = max(heapq.heappop(self.free), self.now) + seconds
            heapq.heappush(self.free, end)
            heapq.heappush(coming, (end, next(order), pack))
            self.busy += seconds
        self.most = max(self.most, len(coming))

    @property
    def idle(self) -> float:
        """The share of the workers' time in which they had nothing to do."""
        return 1 - self.busy / (self.workers * self.now) if self.now else 0.0
