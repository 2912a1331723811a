"""A launcher in one file: this very process is the only worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

from study.core.records import FoldResult
from study.launch import Launcher, Packs, Worker, nothing

T = TypeVar("T")


class Here(Launcher):
    """Trains in the driver's own process, one pack after the other."""

    def start(self, worker: Worker) -> Here:
        self.worker = worker
        worker.begin()
        return self

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        waiting = deque([packs])
        while waiting:
            for pack in waiting.popleft():
                yield from self.worker.train(pack)
                waiting.append(more())

    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        return question(self.worker, *arguments)

    def close(self) -> None:
        """There is no other process."""
