"""The contract of a launcher: what carries workers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from study.config.members import Member
from study.core.records import FoldResult
from study.launch.worker import Worker

T = TypeVar("T")
Call = Callable[..., Any]  # of a function and its arguments, which can be pickled


def here(function: Callable[..., T], *arguments: object) -> T:
    """The function's result, or its error, in this process."""
    return function(*arguments)


class WorkerDied(Exception):
    """The worker that was asked is gone, with its answer."""


class Launcher(ABC):
    """Carries workers to where members train. Guarantees:

    making one starts nothing, and says what is wrong with its arguments; every submitted member comes back exactly
    once, as a FoldResult with a score or an error; the members of a pack train together, and results depend neither on
    the number of workers nor on the order of the packs; a member that kills its worker costs nothing but itself.
    :meth:`start` comes before work and questions. Used as a context manager; leaving it stops whatever still runs.
    """

    workers: int = 1  # packs that train at once, known when it has started

    def prepare(self) -> None:  # noqa: B027 -- most launchers have nothing that takes long
        """Begin with what takes long and needs no worker; returns at once."""

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """The function's result, or its error, computed where a worker's libraries are; no worker need have begun.

        Function, arguments and result can be pickled. Unless a launcher knows better, it is this process.
        """
        return here(function, *arguments)

    @abstractmethod
    def start(self, worker: Worker) -> Launcher:
        """Let workers like this one begin wherever they run, and return this launcher, before they are ready."""

    @abstractmethod
    def run(self, packs: list[list[Member]]) -> Iterator[FoldResult]:
        """Yield results as packs end; packs go to the workers in their order."""

    @abstractmethod
    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        """One worker's answer to a question, which is a method of the class, such as ``Worker.precision``.

        Raises WorkerDied where it could not live to answer.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop at once, and leave no process behind; may be called twice."""

    def pack_size(self, members: list[Member]) -> int:
        """How many of these members, which are of a kind, pay in one pack on a worker's device: a measurement."""
        try:
            return self.ask(Worker.pack_size, members[0], len(members))
        except WorkerDied:
            return 1  # alone, a member says in its own result what kills its worker

    def __enter__(self) -> Launcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
