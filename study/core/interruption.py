"""Ctrl-C, the end of a terminal, and the polite end that a scheduler sends, from a command's first moment to its
last."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from study.core import children, status_line

INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended
SIGNALS = tuple(each for name in ("SIGINT", "SIGTERM", "SIGHUP") if (each := getattr(signal, name, None)) is not None)
HANGUP = getattr(signal, "SIGHUP", None)
APART = 1.0  # seconds between two Ctrl-C that a person means: wrappers hand one on that the terminal has sent to all
AT_ONCE = "Ended at once."

Handler = Callable[[int, FrameType | None], object]


@dataclass
class _Unwinding:
    """Whether an interruption raises KeyboardInterrupt, when one came, whether it is to wait, and whether it does."""

    active: bool = False
    since: float | None = None
    deferred: bool = False
    waits: bool = False


_unwinding = _Unwinding()


def end_at_once(line: str) -> None:
    """From now on, an interruption writes the line and ends the process with status 130, whatever it is doing.

    For work that leaves nothing to be closed: on its way through the imports of a library, an exception could be
    swallowed, or become a traceback. Processes that this one has begun end with it.
    """

    def end(number: int, _: object) -> NoReturn:
        _leave_terminal(number)
        _end(line)

    _unwinding.active = False
    _handle(end)


def unwind(line: str = AT_ONCE) -> None:
    """From now on, an interruption raises KeyboardInterrupt, once, for work that must be closed in order.

    While that is done, another Ctrl-C writes the line and ends the process at once; other signals change nothing.
    """
    _unwinding.active, _unwinding.since, _unwinding.deferred, _unwinding.waits = True, None, False, False

    def interrupt(number: int, _: object) -> None:
        if _unwinding.since is None:
            _unwinding.since = time.monotonic()
            _leave_terminal(number)
            _unwinding.waits = True
            if not _unwinding.deferred:
                raise_waiting()
        elif number == signal.SIGINT and time.monotonic() - _unwinding.since > APART:
            _end(line)

    _handle(interrupt)


def defer() -> None:
    """Until :func:`deliver`, a KeyboardInterrupt waits where nobody heeds it.

    It would leave half done what must not be, and raised as a lock is taken, of a queue or of connections that threads
    share, it would leave that locked for ever.
    """
    _unwinding.deferred = True


def deliver() -> None:
    """From now on it does not wait; raises the one that has waited."""
    _unwinding.deferred = False
    raise_waiting()


def raise_waiting() -> None:
    """Raise the KeyboardInterrupt that has waited, if one has."""
    if _unwinding.waits:
        _unwinding.waits = False
        raise KeyboardInterrupt


@contextmanager
def heeding() -> Iterator[None]:
    """While open, it does not wait: for what takes long, such as waiting for workers, and may be cut off anywhere."""
    before = _unwinding.deferred
    deliver()
    try:
        yield
    finally:
        _unwinding.deferred = before


@contextmanager
def deferring() -> Iterator[None]:
    """While open, it waits, in the middle of what heeds it."""
    before, _unwinding.deferred = _unwinding.deferred, True
    try:
        yield
    finally:
        _unwinding.deferred = before
    if not before:
        raise_waiting()


@contextmanager
def unwinding() -> Iterator[None]:
    """While open, an interruption raises KeyboardInterrupt; afterwards it does what it did before."""
    if _unwinding.active:
        with heeding():
            yield
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    unwind()
    try:
        yield
    finally:
        _unwinding.active = False
        for each, handler in before.items():
            _handle(handler, each)


def ignore() -> None:
    """From now on, an interruption changes nothing: the process is about to end anyway."""
    _unwinding.active = False
    _handle(signal.SIG_IGN)


def _end(line: str) -> NoReturn:
    status_line.end()
    with suppress(OSError):  # of a terminal that has been closed
        os.write(2, f"{line}\n".encode())
    children.end_all()
    os._exit(INTERRUPTED)


def _leave_terminal(number: int) -> None:
    """Where the terminal has gone, let what is still said go nowhere: to write it would be an error."""
    if number != HANGUP:
        return
    for file in (1, 2):
        with suppress(OSError):
            if _is_gone(file):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, file)
                os.close(nowhere)


def _is_gone(file: int) -> bool:
    import errno

    try:
        os.get_terminal_size(file)
    except OSError as error:
        return error.errno == errno.EIO  # no terminal at all is another error
    return False


def _handle(handler: Handler | int | None, *signals: signal.Signals) -> None:
    """Let the handler answer these signals, or all; a thread that is not the first has none to answer.

    Whoever began the process so that it outlives its terminal, as nohup does, means it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for each in signals or SIGNALS:
        if signals or each != HANGUP or signal.getsignal(each) != signal.SIG_IGN:
            signal.signal(each, handler)
