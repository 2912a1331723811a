"""The contract of a launcher: where members train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

from study.config.members import Member
from study.core.records import FoldResult

Call = Callable[..., Any]  # of a function and its arguments, which may be pickled


def here(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result, or its error, in this process."""
    return function(*arguments)


class Launcher(ABC):
    """Trains members somewhere.

    Guarantees: every submitted member comes back exactly once, as a FoldResult with a score or an
    error; the members of a pack train together, and results depend neither on the number of workers nor
    on the order of the packs; a member that kills its worker costs nothing but itself. Used as a context
    manager; leaving it stops whatever still runs.
    """

    workers: int

    @abstractmethod
    def run(self, packs: list[list[Member]]) -> Iterator[FoldResult]:
        """Yield results as packs end; packs go to the workers in their order."""

    @abstractmethod
    def pack_size(self, members: list[Member]) -> int:
        """How many of these members, which are of a kind, pay in one pack on a worker's device: a measurement."""

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Stop at once, and leave no process behind; may be called twice."""
