"""Worker processes on this machine: one thread each, which is faster than one process with all threads."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver
from typing import TYPE_CHECKING

from study.launch.base import Launcher
from study.records import FoldResult, Member

if TYPE_CHECKING:
    from study.engine.workbench import StudyData, Workbench

# A fork server imports torch once and forks workers from there; it has started no thread and no device.
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PRELOADED = ("study.engine.train", "transformers.modeling_utils", "transformers.models.auto.modeling_auto")

_bench: Workbench | None = None


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prepare() -> None:
    """Let the fork server begin with its imports, which take seconds; returns at once."""
    if METHOD == "forkserver":
        multiprocessing.set_forkserver_preload(list(PRELOADED))
        forkserver.ensure_running()


class LocalLauncher(Launcher):
    """A pool of processes; the study's data travel to each once."""

    def __init__(self, data: StudyData, workers: int | None) -> None:
        self.data, self.workers = data, workers or cores()
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        prepare()
        context = multiprocessing.get_context(METHOD)
        pool = ProcessPoolExecutor(self.workers, context, initializer=_begin, initargs=(self.data,))
        for _ in range(self.workers):  # processes start at a submission; importing takes seconds, so start them now
            pool.submit(_ready)
        return pool

    def run(self, members: list[Member]) -> Iterator[FoldResult]:
        lost: list[Member] = []
        futures: dict[Future[FoldResult], Member] = {self._pool.submit(_train, m): m for m in members}
        for future in as_completed(futures):
            try:
                yield future.result()
            except BrokenProcessPool:
                lost.append(futures[future])
        # A dying worker takes the whole pool with it; run what was lost one by one, to see which one kills.
        for i, member in enumerate(sorted(lost, key=lambda m: (m.trial, m.fold))):
            if i == 0:
                self._restart()
            yield self._alone(member)

    def _alone(self, member: Member) -> FoldResult:
        try:
            return self._pool.submit(_train, member).result()
        except BrokenProcessPool:
            self._restart()
            return FoldResult(member.trial, member.fold, None, error="its worker process died, twice")

    def _restart(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._start()

    def close(self) -> None:
        # Children are stopped first: at Ctrl-C nobody wants to wait for the folds under way.
        for process in list((self._pool._processes or {}).values()):
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(data: StudyData) -> None:
    """Make this process a worker; only the driver listens to Ctrl-C."""
    global _bench
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch
    import transformers

    from study.engine.workbench import Workbench, default_device

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    _bench = Workbench(data, default_device())


def _ready() -> None:
    """Nothing: its submission starts a process."""


def _train(member: Member) -> FoldResult:
    from study.engine.train import train_pack

    assert _bench is not None
    try:
        return train_pack([member], _bench)[0]
    except Exception as error:  # noqa: BLE001 -- the boundary of a worker: the error is the result
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"
        return FoldResult(member.trial, member.fold, None, error=message)
