"""The contract of a launcher: where members train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from study.records import FoldResult, Member


class Launcher(ABC):
    """Trains members somewhere.

    Guarantees: every submitted member comes back exactly once, as a FoldResult with a score or an
    error; a result does not depend on the number of workers or on the order; a member that kills its
    worker costs nothing but itself. Used as a context manager; leaving it stops whatever still runs.
    """

    workers: int

    @abstractmethod
    def run(self, members: list[Member]) -> Iterator[FoldResult]:
        """Yield results as they come, longest members first into the workers."""

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Stop at once, and leave no process behind; may be called twice."""
