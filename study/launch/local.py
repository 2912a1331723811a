"""Worker processes on this machine: one thread each, which is faster than one process with all threads."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, forkserver
from threading import Thread
from typing import Any, TypeVar

from study.config.members import Member
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.launch.base import Launcher, WorkerDied, here
from study.launch.worker import Worker, cores

T = TypeVar("T")
# A fork server imports torch once and forks workers from there; it has started no thread and no device.
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PRELOADED = "study.launch.preloaded"

_worker: Worker | None = None  # of a worker process


class LocalLauncher(Launcher):
    """A pool of `workers` processes, null for one per GPU or else per core; the study's data travel to each once."""

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and (type(workers) is not int or workers < 1):
            rule, remedy = "at least one process must train", "write 1 or more, or null for one per core"
            raise ConfigError(f"launcher.workers={workers}", rule, remedy)
        self.wanted = workers
        self._pool: ProcessPoolExecutor | None = None

    def prepare(self) -> None:
        """Let the fork server begin with its imports, which take seconds."""
        if METHOD == "forkserver":
            multiprocessing.set_forkserver_preload([PRELOADED])
            forkserver.ensure_running()

    def call(self, function: Callable[..., T], *arguments: object) -> T:
        """The result of a process that begins with what the fork server has imported; of this one where it dies."""
        if METHOD != "forkserver":
            return here(function, *arguments)
        self.prepare()
        with ProcessPoolExecutor(1, multiprocessing.get_context(METHOD), initializer=_follow_driver) as pool:
            try:
                return pool.submit(function, *arguments).result()
            except BrokenProcessPool:
                return here(function, *arguments)

    def start(self, worker: Worker) -> LocalLauncher:
        self.prepare()
        self.worker, self.workers = worker, self.wanted or _default_workers()
        self._pool = self._processes()
        return self

    def _processes(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context(METHOD)
        pool = ProcessPoolExecutor(
            self.workers, context, initializer=_begin, initargs=(self.worker, context.Value("i", 0))
        )
        for _ in range(self.workers):  # processes start at a submission; importing takes seconds, so start them now
            pool.submit(_ready)
        return pool

    def _submit(self, question: Callable[..., T], *arguments: object) -> Future[T]:
        if self._pool is None:
            raise RuntimeError("a launcher starts before it is given work")
        return self._pool.submit(_answer, question, *arguments)

    def run(self, packs: list[list[Member]]) -> Iterator[FoldResult]:
        lost: list[list[Member]] = []
        futures = {self._submit(Worker.train, pack): pack for pack in packs}
        for future in as_completed(futures):
            try:
                yield from future.result()
            except BrokenProcessPool:
                lost.append(futures[future])
        # A dying worker takes the whole pool with it; run what was lost one by one, to see which one kills.
        for i, pack in enumerate(sorted(lost, key=lambda p: (p[0].trial, p[0].fold))):
            if i == 0:
                self._restart()
            yield from self._run_alone(pack)

    def _run_alone(self, pack: list[Member]) -> Iterator[FoldResult]:
        try:
            yield from self.ask(Worker.train, pack)
            return
        except WorkerDied:
            if len(pack) == 1:
                yield FoldResult(pack[0].trial, pack[0].fold, None, error="its worker process died, twice")
                return
        half = len(pack) // 2
        yield from self._run_alone(pack[:half])
        yield from self._run_alone(pack[half:])

    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        try:
            return self._submit(question, *arguments).result()
        except BrokenProcessPool as error:
            self._restart()
            raise WorkerDied from error

    def _restart(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._processes()

    def close(self) -> None:
        if self._pool is None:
            return
        # Children are stopped first: at Ctrl-C nobody wants to wait for the folds under way.
        for process in list((self._pool._processes or {}).values()):
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _default_workers() -> int:
    """One process per GPU, or else per core."""
    import torch

    return torch.cuda.device_count() or cores()


def _begin(worker: Worker, begun: Any) -> None:
    """Make this process a worker, which ends with the driver; only the driver listens to Ctrl-C.

    `begun` counts the processes, so that each has a GPU of its own where there are several.
    """
    global _worker
    _follow_driver()
    with begun.get_lock():
        place, begun.value = begun.value, begun.value + 1
    worker.begin(place)
    _worker = worker


def _follow_driver() -> None:
    """Leave Ctrl-C to the driver, and end when it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_driver, daemon=True).start()


def _end_with_driver() -> None:
    """Wait until the driver is gone, however it went, and go too: nobody is left to hear of results."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        connection.wait([driver.sentinel])
        os._exit(1)


def _ready() -> None:
    """Nothing: its submission starts a process."""


def _answer(question: Callable[..., T], *arguments: object) -> T:
    """This process's worker's answer."""
    assert _worker is not None
    return question(_worker, *arguments)
