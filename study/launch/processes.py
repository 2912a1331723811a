"""Processes of this machine that answer questions, each through a pipe of its own: the end of one concerns no other."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from study.core import children
from study.launch.attempts import Died

# A fork server imports torch once and forks workers from there; it has started no thread and no device.
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PRELOADED = "study.launch.preloaded"
TICK = 1.0  # seconds: a signal that comes just before the system begins to wait is heard when it has waited
UNSEEN = 255  # status of a process that may live: the fork server, which would tell of its end, is gone itself


@dataclass(eq=False)
class Aide:
    """A process that reads questions and writes answers, as bytes; `ready` once it has said that it has begun.

    `asked` is whether it has a question to answer, `watched` for how many seconds it has been seen at it.
    """

    place: int
    process: Any
    pipe: Connection
    ready: bool = False
    asked: bool = False
    watched: float = 0.0

    def ask(self, question: bytes) -> None:
        """Put the question; whoever is gone says so when it is heard."""
        self.asked, self.watched = True, 0.0
        with suppress(OSError):
            self.pipe.send_bytes(question)

    def hear(self) -> bytes:
        """What it says, which is there or comes; Died where it cannot any more."""
        try:
            # It may have ended, and somebody else still hold its end of the pipe.
            if not self.process.is_alive() and not self.pipe.poll():
                raise Died
            said = self.pipe.recv_bytes()
        except (EOFError, OSError) as error:
            raise Died from error
        self.asked = False
        return said

    def end(self) -> None:
        """End it, whatever it does and even where it is stopped, and leave nothing of it; may be called twice."""
        process, self.process = self.process, None
        if process is None:
            return
        self.pipe.close()
        process.kill()
        if process.exitcode == UNSEEN:
            _kill(process.pid)
        process.join()
        children.disregard(process.pid)
        process.close()


def begin_aide(place: int, serve: Callable[..., None], *arguments: object) -> Aide:
    """A process in which `serve` is called with its place, its end of a pipe, and the arguments."""
    context: Any = multiprocessing.get_context(METHOD)
    ours, theirs = context.Pipe()
    _forget_lost_server()
    process = context.Process(target=serve, args=(place, theirs, *arguments))
    process.start()
    theirs.close()
    children.remember(process.pid)
    return Aide(place, process, ours)


def wait(aides: Iterable[Aide], seconds: float | None = None) -> list[Aide]:
    """Those that have something to say or have ended, as soon as one does, none where the time is over before."""
    by_sign = {sign: aide for aide in aides for sign in (aide.pipe, aide.process.sentinel)}
    while not (ready := connection.wait([*by_sign], TICK if seconds is None else seconds)) and seconds is None:
        continue
    return [*dict.fromkeys(by_sign[sign] for sign in ready)]


def warm_up() -> None:
    """Let the fork server begin with its imports, which take seconds; it ends when this process does."""
    if METHOD != "forkserver":
        return
    multiprocessing.set_forkserver_preload([PRELOADED])
    resource_tracker.ensure_running()  # which shields itself, and opens the shield of who began it
    with children.shield(), children.introduce_driver():
        forkserver.ensure_running()
    atexit.unregister(_end_server)
    atexit.register(_end_server)
    if (server := _server()) is not None:
        children.remember(server)


def _forget_lost_server() -> None:
    """Begin another fork server where a cleaner of temporary files has taken the socket of this one.

    The lost one keeps the processes that it began, and ends with this process, which holds what keeps it alive.
    """
    server: Any = forkserver._forkserver
    if (socket := server._forkserver_address) and "\0" not in socket and not os.path.exists(socket):
        server._forkserver_address = server._forkserver_alive_fd = server._forkserver_pid = None
        warm_up()


def _server() -> int | None:
    return getattr(getattr(forkserver, "_forkserver", None), "_forkserver_pid", None)


def _end_server() -> None:
    """End the fork server at once: by itself it would first import to the end what nobody will need."""
    if (server := _server()) is not None:
        _kill(server)


def _kill(process: int) -> None:
    with suppress(OSError):
        os.kill(process, signal.SIGKILL)
