"""A launcher in one file: this very process is the only worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from study.config.members import Member
from study.core.records import FoldResult
from study.launch import Launcher, Worker

T = TypeVar("T")


class Here(Launcher):
    """Trains in the driver's own process, one pack after the other."""

    def start(self, worker: Worker) -> Here:
        self.worker = worker
        worker.begin()
        return self

    def run(self, packs: list[list[Member]]) -> Iterator[FoldResult]:
        for pack in packs:
            yield from self.worker.train(pack)

    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        return question(self.worker, *arguments)

    def close(self) -> None:
        """There is no other process."""
