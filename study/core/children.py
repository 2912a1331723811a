"""Processes that this one begins: they leave Ctrl-C and SIGHUP to it, and end when it does."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection
from threading import Thread

from study.core.scratch import private_folder

LEFT_TO_PARENT = {sent for name in ("SIGINT", "SIGHUP") if (sent := getattr(signal, name, None)) is not None}
DRIVER, SOCKETS = "LORA_STUDY_DRIVER", "LORA_STUDY_SOCKETS"  # tell a fork server who wants it, and its socket's folder
_running: set[int] = set()  # processes that must not outlive this one, whatever state they are in


@contextmanager
def shield() -> Iterator[None]:
    """While open, processes begin that never hear what a terminal sends to all, Ctrl-C or its own end; this one hears
    it after."""
    if not hasattr(signal, "pthread_sigmask"):  # where there is none, a child shields itself as it begins
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, LEFT_TO_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def introduce_driver() -> Iterator[None]:
    """While open, a fork server that begins is told who wants it, and its socket's folder."""
    os.environ |= {DRIVER: str(os.getpid()), SOCKETS: str(private_folder())}
    try:
        yield
    finally:
        for name in (DRIVER, SOCKETS):
            del os.environ[name]


def driver_of_server() -> int:
    """In a fork server: the process that wants it, which may be gone by now."""
    return int(os.environ.pop(DRIVER, os.getppid()))


def take_over_sockets() -> Callable[[], None]:
    """In a fork server: what removes its socket's folder, which a parent that was killed leaves; called at exit."""
    folder = os.environ.pop(SOCKETS, None)

    def remove() -> None:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)

    return atexit.register(remove)


def follow_parent() -> None:
    """Leave Ctrl-C and SIGHUP to the process that began this one, and end when it does."""
    for each in LEFT_TO_PARENT:
        signal.signal(each, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait until the parent is gone, however it went, and go too: nobody is left to hear of results."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def remember(process: int) -> None:
    """Let :func:`end_all` end this process too."""
    _running.add(process)


def disregard(process: int) -> None:
    """The process is gone, and its number may be another's."""
    _running.discard(process)


def end_all() -> None:
    """End every process that is remembered, also those that are stopped, and wait for none of them."""
    for process in [*_running]:
        with suppress(OSError):
            os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
