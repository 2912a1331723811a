"""Workers on a Ray cluster: an actor each, which has what it needs from Ray alone and from no shared disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from study.core.records import FoldResult
from study.launch.attempts import ALONE, Attempt, Died, Waiting
from study.launch.base import Launcher, Packs, WorkerDied, check_argument, check_installed, check_timeout, nothing
from study.launch.carrier import Seat
from study.launch.crew import Crew, Needs
from study.launch.rayhead import join
from study.launch.worker import Worker

T = TypeVar("T")


class RayLauncher(Launcher):
    """An actor a worker, over all nodes of the cluster at `address`; the study's data travel to each node once.

    `address` is host:port, ray://host:port, auto for the cluster that this machine is part of, null for the one that
    RAY_ADDRESS names or else one of this machine alone. `workers` null is one per GPU of the cluster or else per CPU,
    as many as there are from round to round; each has `cpus`, and `gpus`, null for one where the cluster has any.
    `wait` is how many seconds the study does without any worker, `timeout` how long a pack may take (in seconds or as
    90s, 10m or 2h, null for ever); `runtime_env` is Ray's own.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        cpus: float = 1,
        gpus: float | None = None,
        wait: float = 300,
        timeout: float | str | None = None,
        runtime_env: dict[str, Any] | None = None,
    ) -> None:
        named = address is None or (type(address) is str and address)
        check_argument("address", address, named, "is no address", "write host:port, ray://host:port, auto, or null")
        count = workers is None or (type(workers) is int and workers >= 1)
        check_argument(
            "workers", workers, count, "at least one must train", "write 1 or more, or null for all that fit"
        )
        check_argument("cpus", cpus, _is_number(cpus) and cpus > 0, "a worker needs a core or a part of one", "write 1")
        share = gpus is None or (_is_number(gpus) and (0 <= gpus < 1 or gpus == int(gpus) > 0))
        check_argument("gpus", gpus, share, "is neither a number of GPUs nor a part of one", "write 0, 1, or null")
        check_argument("wait", wait, _is_number(wait) and wait > 0, "is no time to wait for a worker", "write seconds")
        known = runtime_env is None or isinstance(runtime_env, dict)
        check_argument("runtime_env", runtime_env, known, "is none of Ray's", "write keys such as working_dir below it")
        check_installed("ray", "ray")
        self.limit = check_timeout(timeout)
        self.address, self.runtime_env, self.timeout = address, runtime_env, timeout
        self.needs = Needs(workers, cpus, gpus, wait)
        self._crew: Crew | None = None
        self._leave: Callable[[], None] = _stay

    def start(self, worker: Worker) -> RayLauncher:
        self._leave = join(self.address, self.needs, self.runtime_env)
        try:
            self._crew = Crew(worker, self.needs)
            self.workers = self._crew.muster()
        except BaseException:
            self.close()
            raise
        return self

    @property
    def crew(self) -> Crew:
        """The workers."""
        if self._crew is None:
            raise RuntimeError("a launcher starts before it is given work")
        return self._crew

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        crew, waiting = self.crew, Waiting(packs)
        flying: dict[Any, tuple[Seat, Attempt]] = {}
        results: list[FoldResult] = []
        try:
            while not waiting.over or flying or results:
                self.workers = self.crew.muster()
                while not waiting.over and (seat := self.crew.take()) is not None:
                    if (attempt := waiting.take()) is None:
                        self.crew.give_back(seat)
                        break
                    flying[seat.ask(Worker.train, list(attempt.pack))] = seat, attempt
                if results:
                    yield from self.yield_ready(results)  # whoever takes them works meanwhile, and so do the workers
                    results = []
                    waiting.follow(more())
                else:
                    results = self._collect(waiting, flying)
        finally:  # where nobody wants the rest, too; this launcher may have been closed before
            for seat, _ in flying.values():
                crew.dismiss(seat)

    def _collect(self, waiting: Waiting, flying: dict[Any, tuple[Seat, Attempt]]) -> list[FoldResult]:
        """The results that have come; what was lost waits again, before the rest."""
        results: list[FoldResult] = []
        for answer in self.crew.wait(flying) if not waiting.over or flying else ():
            seat, attempt = flying.pop(answer)
            try:
                results += self.crew.answer(seat, answer)
            except Died:
                again, failures = attempt.after_death()
                waiting.retry(again)
                results += failures
            except Exception as error:  # noqa: BLE001 -- of members that cannot be understood there
                results += attempt.after_error(error)
        for answer in self.crew.late([(answer, seat) for answer, (seat, _) in flying.items()], self.limit):
            seat, attempt = flying.pop(answer)
            self.crew.dismiss(seat)
            again, failures = attempt.after_hang(f"launcher.timeout={self.timeout}")
            waiting.retry(again)
            results += failures
        return results

    def ask(self, question: Callable[..., T], *arguments: object) -> T:
        for _ in range(ALONE):
            while (seat := self.crew.take()) is None:
                self.crew.muster()
                self.crew.wait(())
            answer = seat.ask(question, *arguments)
            while answer not in self.crew.wait((answer,)):
                if self.crew.late([(answer, seat)], self.limit):
                    self.crew.dismiss(seat)
            try:
                return self.crew.answer(seat, answer)  # type: ignore[no-any-return]
            except Died as died:
                last = died
        raise WorkerDied from last

    def close(self) -> None:
        crew, self._crew = self._crew, None
        leave, self._leave = self._leave, _stay
        try:
            if crew is not None:
                crew.close()
        finally:
            leave()


def _stay() -> None:
    """Leave nothing: there is no connection."""


def _is_number(value: object) -> bool:
    return type(value) in (int, float)
