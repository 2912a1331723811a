"""The workers that a Ray cluster carries: made, asked, and made anew where they or their nodes are lost."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from study.core.errors import StudyError
from study.core.formatting import plural
from study.launch.attempts import STILLBORN, Died
from study.launch.carrier import Carrier, Seat, package_versions
from study.launch.watch import Watch
from study.launch.worker import Worker

RECOUNT = 5.0  # seconds after which nodes may have come or gone
FRESH = 1.0  # seconds for which a worker that was heard of counts as alive
LOOK = 2.0  # seconds between two looks at those that may hang, at most


@dataclass(frozen=True)
class Needs:
    """How many workers are wanted (None: as many as there is room for), what each has, and the patience for the first.

    `gpus` None is one where the cluster has any.
    """

    workers: int | None
    cpus: float
    gpus: float | None
    wait: float


class Crew:
    """As many workers as are wanted or fit, each doing one thing at a time."""

    def __init__(self, worker: Worker, needs: Needs) -> None:
        import ray

        self.needs, self._data = needs, ray.put(pickle.dumps(worker))
        self.gpus = float(_total("GPU") > 0) if needs.gpus is None else needs.gpus
        self._seats: set[Seat] = set()  # of all that are made and not known to be gone
        self._called: dict[Any, Seat] = {}  # by what is there once they are known to live
        self._beginning: dict[Any, Seat] = {}  # by what is there once they have begun
        self._begun: set[Seat] = set()
        self._free: deque[Seat] = deque()
        self._room, self._counted, self._failures = 0, float("-inf"), 0
        self._watch = Watch()
        self._deserted: float | None = None  # since when nobody has been there
        alone = ray.remote(num_cpus=needs.cpus, num_gpus=self.gpus, max_restarts=0, scheduling_strategy="SPREAD")
        self._made: Any = alone(Carrier)

    def muster(self) -> int:
        """Let those begin that are missing, and return how many there are to be."""
        if self.needs.workers is None and time.monotonic() - self._counted > RECOUNT:
            self._room, self._counted = self._count_room(), time.monotonic()
        count = self.needs.workers or max(1, self._room)
        for _ in range(count - len(self._seats)):
            seat = Seat(self._made.remote(self._data), self._failures)
            self._seats.add(seat)
            self._call(seat)
            self._deserted = None
        return count

    def _count_room(self) -> int:
        """How many workers the living nodes hold, whoever else may be there."""
        wants = {"CPU": self.needs.cpus, "GPU": self.gpus}
        return sum(
            min(int(node.get(kind, 0) / each + 1e-9) for kind, each in wants.items() if each) for node in _nodes()
        )

    def take(self) -> Seat | None:
        """A worker that lives and has nothing to do, if there is one; it is the caller's until it has answered."""
        while self._free:
            seat = self._free.popleft()
            if time.monotonic() - seat.heard < FRESH:
                return seat
            self._call(seat)  # it may have died meanwhile, and no pack is to pay for that
        return None

    def give_back(self, seat: Seat) -> None:
        """Let one that was taken, and asked nothing, be taken again."""
        self._free.appendleft(seat)

    def late(self, asked: Iterable[tuple[Any, Seat]], limit: float | None) -> list[Any]:
        """The answers to come, each with who is to give it, that have been waited for longer than the limit.

        Their time is counted where this is asked, so that a driver that was stopped for a while blames nobody.
        """
        elapsed = self._watch.look(LOOK)
        for _, seat in asked:
            seat.watched += elapsed
        return [answer for answer, seat in asked if limit is not None and seat.watched > limit]

    def _call(self, seat: Seat) -> None:
        """Find out whether the worker lives, as soon as it can say so."""
        self._called[seat.actor.hear.remote()] = seat

    def wait(self, answers: Iterable[Any]) -> list[Any]:
        """Those of the answers that have come, as soon as one has, or another worker may be there.

        Raises StudyError where there has been no worker for too long, or one cannot begin.
        """
        import ray

        others = {**self._called, **self._beginning}
        watched = [*answers, *others]
        ready, _ = ray.wait(watched, timeout=1.0)
        if ready:
            ready, _ = ray.wait(watched, num_returns=len(watched), timeout=0)
        for other in [each for each in ready if each in others]:
            self._welcome(other) if other in self._beginning else self._wake(other)
        self._deserted = None if self._begun or self._beginning else self._deserted or time.monotonic()
        if self._deserted is not None and time.monotonic() - self._deserted > self.needs.wait:
            self._deserted = None  # whoever asks again waits again
            raise self._nobody()
        return [each for each in ready if each not in others]

    def _wake(self, heard: Any) -> None:
        """Let a worker that lives begin, or be taken where it has begun."""
        import ray
        from ray.exceptions import RayError

        seat = self._called.pop(heard)
        try:
            ray.get(heard)
        except RayError as error:
            self._bury(seat, error)
        else:
            if seat in self._begun:
                self._release(seat)
            else:
                self._beginning[seat.actor.begin.remote(self.gpus)] = seat

    def _welcome(self, begun: Any) -> None:
        """Take up a worker that has begun."""
        import ray
        from ray.exceptions import RayError

        seat = self._beginning.pop(begun)
        try:
            node, there = ray.get(begun)
        except RayError as error:
            self._bury(seat, error)
            return
        for name, version in package_versions().items():
            if there.get(name) != version:
                rule = f"{node} has {name} {there.get(name)} and this process {version}, which may train in another way"
                raise StudyError("launcher=ray", rule, "install the same versions on every node")
        self._failures = 0
        self._begun.add(seat)
        self._release(seat)

    def _bury(self, seat: Seat, error: Exception) -> None:
        """Give up a worker that is gone; StudyError where the next one would be too."""
        from ray.exceptions import RayTaskError, RuntimeEnvSetupError

        began = seat in self._begun
        self.dismiss(seat)
        if began:
            return
        self._failures = max(self._failures, seat.failures + 1)
        says_why = isinstance(error, (RayTaskError, RuntimeEnvSetupError)) or getattr(error, "actor_init_failed", False)
        if says_why or (self._failures >= STILLBORN and not self._begun):
            raise _cannot_begin(error) from error

    def _release(self, seat: Seat) -> None:
        """Let the worker, which was just heard of, be taken."""
        seat.heard = time.monotonic()
        self._free.append(seat)

    def answer(self, seat: Seat, answer: Any) -> Any:
        """What the worker answered, which is free again, or the error that it raised; Died where it is no more."""
        import ray
        from ray.exceptions import RayError

        try:
            result, error = pickle.loads(ray.get(answer))
        except RayError as lost:
            self.dismiss(seat)
            raise Died from lost
        self._release(seat)
        if error is not None:
            raise error
        return result

    def dismiss(self, seat: Seat) -> None:
        """End the worker, whatever it does; one that was ended already may be of a cluster that has been left."""
        import ray

        if seat not in self._seats:
            return
        self._seats.discard(seat)
        self._begun.discard(seat)
        ray.kill(seat.actor)

    def close(self) -> None:
        """End every worker."""
        for seat in [*self._seats]:
            self.dismiss(seat)

    def _nobody(self) -> StudyError:
        there = ", ".join(f"{_total(kind):g} {kind}" for kind in ("CPU", "GPU"))
        each = f"{self.needs.cpus:g} CPU and {self.gpus:g} GPU"
        where = f"{there} on {plural(len(_nodes()), 'node')}"
        rule = f"no worker of {each} has been there for so many seconds, on a cluster of {where}"
        remedy = "add nodes, or wait longer; the same command goes on where this one ended"
        return StudyError(f"launcher.wait={self.needs.wait:g}", rule, remedy)


def _cannot_begin(error: Exception) -> StudyError:
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    rule = f"a worker cannot begin on the cluster ({said[-1].rstrip('.') if said else type(error).__name__})"
    remedy = "install on every node what is installed here, or name what it needs in launcher.runtime_env"
    return StudyError("launcher=ray", rule, remedy)


def _nodes() -> list[dict[str, float]]:
    """What each living node has in all, by kind."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _total(kind: str) -> float:
    return sum(node.get(kind, 0.0) for node in _nodes())
