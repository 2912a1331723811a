"""The contract of a launcher: what carries workers."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from study.config.members import Member
from study.core.durations import seconds_of
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.launch.worker import Worker

T = TypeVar("T")
Call = Callable[..., Any]  # of a function and its arguments, which can be pickled
Meanwhile = AbstractContextManager[object]
Packs = Iterable[list[Member]]  # known at once where it is a list, else told one by one
NOTHING = nullcontext()


def here(function: Callable[..., T], *arguments: object) -> T:
    """The function's result, or its error, in this process."""
    return function(*arguments)


def nothing() -> Packs:
    """No packs follow."""
    return []


def check_argument(key: str, value: object, sound: object, rule: str, remedy: str) -> None:
    """ConfigError of a launcher's argument that is not `sound`."""
    if not sound:
        raise ConfigError(f"launcher.{key}={value}", rule, remedy)


def check_timeout(timeout: object) -> float | None:
    """The seconds of a launcher's `timeout`, None of null; ConfigError where it is no time."""
    seconds = seconds_of(timeout)
    rule, remedy = "is no time that a pack may take", "write seconds, or for example 10m, or null for ever"
    check_argument("timeout", timeout, timeout is None or seconds is not None, rule, remedy)
    return seconds


def check_installed(option: str, package: str) -> None:
    """ConfigError where the package of the launcher's extra, which bears its name, is not there."""
    if importlib.util.find_spec(package) is None:
        rule = f"needs {package}, which is not installed"
        raise ConfigError(f"launcher={option}", rule, f'pip install "lora-study[{option}]"')


class WorkerDied(Exception):
    """The worker that was asked is gone, with its answer."""


class Launcher(ABC):
    """Carries workers to where members train. Guarantees:

    making one starts nothing, and says what is wrong with its arguments; every submitted member comes back exactly
    once, as a FoldResult with a score or an error; the members of a pack train together, and results depend neither on
    the number of workers nor on the order of the packs; a member that kills its worker costs nothing but itself, and
    fails once it has done so twice with nothing else in the worker, as `transient`: the machine may be to blame; a
    worker that dies by chance costs nothing.
    :meth:`start` comes before work and questions. Used as a context manager; leaving it stops whatever still runs, and
    a run that nobody follows any more may end before that or after it.
    """

    workers: int = 1  # packs that train at once, known when it has started
    ready: int = 0  # results that :meth:`run` yields at once after the present one, so that they can be kept together

    def prepare(self) -> None:  # noqa: B027 -- most launchers have nothing that takes long
        """Begin with what takes long and needs no worker; returns at once."""

    def call(self, function: Callable[..., T], *arguments: object, meanwhile: Meanwhile = NOTHING) -> T:
        """The function's result, or its error, computed where a worker's libraries are; no worker need have begun.

        Function, arguments and result can be pickled. Unless a launcher knows better, it is this process. Where that
        is another one, `meanwhile` is open as long as this one waits.
        """
        return here(function, *arguments)

    @abstractmethod
    def start(self, worker: Worker) -> Launcher:
        """Let workers like this one begin wherever they run, and return this launcher, before they are ready."""

    @abstractmethod
    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        """Yield results as packs end; packs go to the workers in their order, and are asked for as one is free.

        Whenever results have been taken, `more` is asked which packs follow those that wait.
        """

    @abstractmethod
    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        """One worker's answer to a question, which is a method of the class, such as ``Worker.precision``.

        Raises WorkerDied where it could not live to answer, nor another one after it.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop at once, and leave no process behind; may be called twice."""

    def yield_ready(self, results: list[FoldResult]) -> Iterator[FoldResult]:
        """Yield these, and say before each how many are left."""
        for left, result in zip(range(len(results) - 1, -1, -1), results, strict=True):
            self.ready = left
            yield result

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
