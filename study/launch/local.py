"""Worker processes on this machine: one thread each, which is faster than one process with all threads."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from study.core import children, interruption
from study.core.records import FoldResult
from study.launch import processes
from study.launch.attempts import ALONE, Attempt, Died, Waiting
from study.launch.base import (
    NOTHING,
    Launcher,
    Meanwhile,
    Packs,
    WorkerDied,
    check_argument,
    check_timeout,
    here,
    nothing,
)
from study.launch.processes import METHOD, Aide
from study.launch.staff import Hung, Nobody, Staff
from study.launch.worker import Worker, cores

T = TypeVar("T")


class LocalLauncher(Launcher):
    """`workers` processes, null for one per GPU or else per core; the study's data travel to each once.

    `timeout` is how long a pack may take, in seconds or as 90s, 10m or 2h, null for ever: a process that takes longer
    is killed.
    """

    def __init__(self, workers: int | None = None, timeout: float | str | None = None) -> None:
        count = workers is None or (type(workers) is int and workers >= 1)
        one = "write 1 or more, or null for one per core"
        check_argument("workers", workers, count, "at least one process must train", one)
        self.limit = check_timeout(timeout)
        self.wanted, self.timeout = workers, timeout
        self._staff: Staff | None = None

    def prepare(self) -> None:
        processes.warm_up()

    def call(self, function: Callable[..., T], *arguments: object, meanwhile: Meanwhile = NOTHING) -> T:
        """The result of a process that begins with what the fork server has imported; of this one where it dies."""
        if METHOD != "forkserver":
            return here(function, *arguments)
        self.prepare()
        with interruption.unwinding():
            try:
                with meanwhile:
                    said = _compute_elsewhere(pickle.dumps((function, arguments)))
            except Died:
                return here(function, *arguments)
        result, error = pickle.loads(said)
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def start(self, worker: Worker) -> LocalLauncher:
        self.prepare()
        self.workers = self.wanted or self.call(_default_workers)
        self._staff = Staff(worker, self.workers, self.limit)
        self._staff.muster()
        return self

    @property
    def staff(self) -> Staff:
        """The processes."""
        if self._staff is None:
            raise RuntimeError("a launcher starts before it is given work")
        return self._staff

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        self.staff.muster()
        tour = _Tour(self.staff, packs, f"launcher.timeout={self.timeout}")
        try:
            while not tour.over:
                yield from self.yield_ready(tour.go_on())
                tour.waiting.follow(more())
        finally:  # where nobody wants the rest, too; this launcher may have been closed before
            for aide in tour.busy:
                tour.staff.dismiss(aide)

    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        # Once may be chance: a worker that had died before it was asked, or memory that was gone.
        died: Exception = Died()
        for _ in range(ALONE):
            self.staff.muster()
            try:
                while (aide := self.staff.take()) is None:
                    self.staff.wait(())
                self.staff.ask(aide, question, *arguments)
                while not self.staff.wait((aide,)):
                    continue
                return self.staff.answer(aide)  # type: ignore[no-any-return]
            except (Died, Nobody) as error:
                died = error
        raise WorkerDied from died

    def close(self) -> None:
        """At Ctrl-C nobody wants to wait for the folds under way."""
        staff, self._staff = self._staff, None
        if staff is not None:
            staff.close()


class _Tour:
    """Packs on their way through the processes.

    What one died or hung with is tried again while nothing else trains: what trained beside it may have been to blame.
    """

    def __init__(self, staff: Staff, packs: Packs, limit: str) -> None:
        self.staff, self.limit, self.waiting = staff, limit, Waiting(packs)
        self.busy: dict[Aide, Attempt] = {}

    @property
    def over(self) -> bool:
        """Whether everything has come back."""
        return self.waiting.over and not self.busy

    def go_on(self) -> list[FoldResult]:
        """The results that come next; whoever takes them works meanwhile, and so do the processes."""
        self._give()
        results: list[FoldResult] = []
        try:
            for aide in self.staff.wait(self.busy) if not self.over else ():
                results += self._outcome(aide, self.busy.pop(aide))
        except Nobody:
            for attempt in reversed(self.waiting.take_all()):
                results += self._retry(*attempt.after_death())
            self.staff.muster()
        self._give()
        return results

    def _give(self) -> None:
        """Let whoever is free train the next pack."""
        while self._is_due() and (aide := self.staff.take()) is not None:
            attempt = self.waiting.take()
            if attempt is None:
                return
            self.staff.ask(aide, Worker.train, list(attempt.pack))
            self.busy[aide] = attempt

    def _is_due(self) -> bool:
        """Whether another pack may train: not beside one that is tried again."""
        if self.busy and (self.waiting.again or any(attempt.deaths for attempt in self.busy.values())):
            return False
        return not self.waiting.over

    def _outcome(self, aide: Aide, attempt: Attempt) -> list[FoldResult]:
        try:
            return self.staff.answer(aide)  # type: ignore[no-any-return]
        except Hung:
            return self._retry(*attempt.after_hang(self.limit))
        except Died:
            return self._retry(*attempt.after_death())
        except Exception as error:  # noqa: BLE001 -- of members that cannot be understood there
            return attempt.after_error(error)

    def _retry(self, again: list[Attempt], failures: list[FoldResult]) -> list[FoldResult]:
        self.waiting.retry(again)
        return failures


def _compute_elsewhere(pickled: bytes) -> bytes:
    """What a process says that :func:`compute` began; Died where it says nothing."""
    aide = processes.begin_aide(0, compute, pickled)
    try:
        processes.wait([aide])
        return aide.hear()
    finally:
        aide.end()


def compute(place: int, pipe: Connection, pickled: bytes) -> None:
    """Answer with the result of a function and its arguments, or with its error."""
    children.follow_parent()
    pipe.send_bytes(outcome_of(pickled))


def outcome_of(pickled: bytes) -> bytes:
    """The result and None, or None and the error."""
    function, arguments = pickle.loads(pickled)
    try:
        said: tuple[Any, Exception | None] = (function(*arguments), None)
    except Exception as error:  # noqa: BLE001 -- it is raised where the call was made
        said = (None, error)
    return pickle.dumps(said)


def _default_workers() -> int:
    """One process per GPU, or else per core."""
    import torch

    return torch.cuda.device_count() or cores()
