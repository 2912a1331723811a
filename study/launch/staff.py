"""The worker processes of this machine: made, asked, and made anew where one has died or hangs."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Collection
from multiprocessing.connection import Connection
from typing import Any

from study.core import children
from study.launch import processes
from study.launch.attempts import STILLBORN, Died
from study.launch.carrier import Carrier
from study.launch.processes import Aide
from study.launch.watch import Watch

BEGINNING = 300.0  # seconds that a process may take to begin, at least: libraries may come from afar


class Hung(Died):
    """The process was killed, since it had no answer for too long."""


class Nobody(Exception):
    """No process lives to be asked, and the next one would not either."""


class Staff:
    """As many processes as are wanted, each a worker of one thread that does one thing at a time.

    `limit` is for how many seconds one may be at what it was asked, None for ever. They are counted where this process
    looks at it, so that a machine that slept, or a study that was stopped for a while, kills nobody. To begin,
    a process has :data:`BEGINNING` where that is more.
    """

    def __init__(self, worker: object, count: int, limit: float | None) -> None:
        self.pickled, self.count, self.limit = pickle.dumps(worker), count, limit
        self.aides: dict[int, Aide] = {}
        self.stillborn, self.late = 0, set[Aide]()
        self.watch = Watch()

    def muster(self) -> None:
        """Let those begin that are missing."""
        self.stillborn = 0
        for place in range(self.count):
            if place not in self.aides:
                self.aides[place] = processes.begin_aide(place, serve, self.pickled)

    def take(self) -> Aide | None:
        """One that lives and has nothing to do, if there is one."""
        for aide in [a for a in self.aides.values() if a.ready and not a.asked]:
            if not processes.wait([aide], 0):  # else it has died meanwhile, and no pack is to pay for that
                return aide
            self._replace(aide)
        return None

    def ask(self, aide: Aide, question: Callable[..., Any], *arguments: object) -> None:
        """Put a question to one that was taken; what cannot be pickled is an error, and leaves it free."""
        aide.ask(pickle.dumps((question, arguments)))

    def wait(self, asked: Collection[Aide]) -> list[Aide]:
        """Those of the asked that have answered, died or were killed, as soon as one has, or another may be free.

        Raises Nobody where no process is left.
        """
        if not self.aides:
            raise Nobody
        tick = None if self.limit is None else min(processes.TICK, self.limit / 4)
        heard = processes.wait(self.aides.values(), tick)
        self._watch(asked, tick)
        for aide in {*heard, *self.late}.difference(asked):
            self._welcome(aide)
        return [aide for aide in asked if aide in heard or aide in self.late]

    def _watch(self, asked: Collection[Aide], tick: float | None) -> None:
        """Count for how long they have been at it, or at their beginning, and mark those that hang."""
        if self.limit is None or tick is None:
            return
        elapsed = self.watch.look(2 * tick)
        for aide in {*asked, *(aide for aide in self.aides.values() if not aide.ready)}:
            aide.watched += elapsed
            if aide.watched > (self.limit if aide.ready else max(self.limit, BEGINNING)):
                self.late.add(aide)

    def _welcome(self, aide: Aide) -> None:
        """Take up one that has begun, or begin another in the place of one that is gone or hangs."""
        try:
            if aide in self.late:
                raise Hung
            aide.hear()
        except Died:
            self._replace(aide)
        else:
            aide.ready, self.stillborn = True, 0

    def answer(self, aide: Aide) -> Any:
        """What it answered, or the error that it raised; Died where it is no more, Hung where it had no answer."""
        try:
            said = aide.hear() if aide not in self.late or processes.wait([aide], 0) else None
        except Died:
            self._replace(aide)
            raise
        if said is None:
            self._replace(aide)
            raise Hung
        self.late.discard(aide)
        result, error = pickle.loads(said)
        if error is not None:
            raise error
        return result

    def _replace(self, aide: Aide) -> None:
        """End it, and begin another in its place, unless those end as they begin."""
        self.dismiss(aide)
        self.stillborn += not aide.ready
        if self.stillborn < STILLBORN:
            self.aides[aide.place] = processes.begin_aide(aide.place, serve, self.pickled)

    def dismiss(self, aide: Aide) -> None:
        """End one, whatever it does."""
        self.late.discard(aide)
        self.aides.pop(aide.place, None)
        aide.end()

    def close(self) -> None:
        """End all; none begins after them."""
        self.count = 0
        for aide in [*self.aides.values()]:
            self.dismiss(aide)


def serve(place: int, pipe: Connection, pickled: bytes) -> None:
    """Be a worker, which ends with the driver, and answer until nobody asks any more."""
    children.follow_parent()
    carrier = Carrier(pickled)
    carrier.worker.begin(place)
    try:
        pipe.send_bytes(b"")
        while True:
            pipe.send_bytes(carrier.answer(pipe.recv_bytes()))
    except (EOFError, OSError):  # nobody listens
        return
