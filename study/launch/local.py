"""Worker processes on this machine: one thread each, which is faster than one process with all threads."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import connection, forkserver
from threading import Thread
from typing import TYPE_CHECKING, Any

from study.config.members import Member
from study.config.schema import EngineConfig, ModelConfig
from study.core.records import FoldResult
from study.launch.base import Launcher

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


def default_workers() -> int:
    """One process per GPU, or else per core."""
    import torch

    return torch.cuda.device_count() or cores()


class LocalLauncher(Launcher):
    """A pool of processes; the study's data travel to each once."""

    def __init__(
        self,
        data: StudyData,
        engine: EngineConfig | None = None,
        workers: int | None = None,
        model: ModelConfig | None = None,
    ) -> None:
        self.data, self.engine, self.model = data, engine or EngineConfig(), model
        self.workers = workers or default_workers()
        self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        prepare()
        context = multiprocessing.get_context(METHOD)
        arguments = (self.data, self.engine, self.model, context.Value("i", 0))
        pool = ProcessPoolExecutor(self.workers, context, initializer=_begin, initargs=arguments)
        for _ in range(self.workers):  # processes start at a submission; importing takes seconds, so start them now
            pool.submit(_ready)
        return pool

    def run(self, packs: list[list[Member]]) -> Iterator[FoldResult]:
        lost: list[list[Member]] = []
        futures: dict[Future[list[FoldResult]], list[Member]] = {self._pool.submit(_train, p): p for p in packs}
        for future in as_completed(futures):
            try:
                yield from future.result()
            except BrokenProcessPool:
                lost.append(futures[future])
        # A dying worker takes the whole pool with it; run what was lost one by one, to see which one kills.
        for i, pack in enumerate(sorted(lost, key=lambda p: (p[0].trial, p[0].fold))):
            if i == 0:
                self._restart()
            yield from self._alone(pack)

    def _alone(self, pack: list[Member]) -> Iterator[FoldResult]:
        try:
            yield from self._pool.submit(_train, pack).result()
            return
        except BrokenProcessPool:
            self._restart()
        if len(pack) == 1:
            yield FoldResult(pack[0].trial, pack[0].fold, None, error="its worker process died, twice")
            return
        half = len(pack) // 2
        yield from self._alone(pack[:half])
        yield from self._alone(pack[half:])

    def pack_size(self, members: list[Member]) -> int:
        # On a CPU every core wants a pack of its own: cores of the machine, not workers, which must change nothing.
        from study.engine.workbench import default_device

        most = len(members) // cores() if default_device().type == "cpu" else len(members)
        if most < 2:
            return 1
        try:
            return self._pool.submit(_pack_size, members[0], most).result()
        except BrokenProcessPool:
            self._restart()
            return 1

    def _restart(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._start()

    def close(self) -> None:
        # Children are stopped first: at Ctrl-C nobody wants to wait for the folds under way.
        for process in list((self._pool._processes or {}).values()):
            process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(data: StudyData, engine: EngineConfig, model: ModelConfig | None, started: Any) -> None:
    """Make this process a worker, on a GPU of its own where there are several; only the driver listens to Ctrl-C.

    The model that most members will want is loaded while the driver still opens its stores.
    """
    global _bench
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_driver, daemon=True).start()
    import torch
    import transformers

    from study.engine import problems
    from study.engine.workbench import Workbench, default_device

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    device = default_device()
    if device.type == "cuda":
        with started.get_lock():
            device = torch.device("cuda", started.value % torch.cuda.device_count())
            started.value += 1
    _bench = Workbench(data, device, engine)
    if model is not None:
        with suppress(Exception):  # the members that want it will say what is wrong
            problems.problem_of(data.examples).prepare(_bench, model)


def _end_with_driver() -> None:
    """Wait until the driver is gone, however it went, and go too: nobody is left to hear of results."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        connection.wait([driver.sentinel])
        os._exit(1)


def _ready() -> None:
    """Nothing: its submission starts a process."""


def _train(pack: list[Member]) -> list[FoldResult]:
    from study.engine.train import train_pack

    assert _bench is not None
    return train_pack(pack, _bench)


def _pack_size(member: Member, most: int) -> int:
    from study.engine.costs.probe import pack_size

    assert _bench is not None
    try:
        return pack_size(member, most, _bench)
    except Exception:  # noqa: BLE001 -- a member that cannot train says why in its own result
        return 1
