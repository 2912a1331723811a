"""One line at a terminal that says what is being done and for how long, from a command's first moment.

It needs neither rich, which takes a fifth of a second to import, nor any lock that a process forked meanwhile would
inherit: text goes straight to the terminal.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import Protocol

ERASE = b"\r\x1b[2K"  # the line where the cursor is, which then stands at its start
TICK = 1.0  # seconds between two looks at the clock


class LiveBar(Protocol):
    """What is drawn while it runs."""

    def start(self) -> None:
        """Begin to draw."""

    def stop(self) -> None:
        """Draw no more."""


class Silence:
    """Says nothing: where standard error is no terminal, and in whatever is no command."""

    def say(self, step: str) -> None:
        """Show the step in place of the one before it."""

    def hide(self) -> None:
        """Leave the line to what others print, until the next step is said."""


class Line(Silence):
    """The foot of the terminal that the file descriptor `file` is."""

    def __init__(self, file: int) -> None:
        self.file, self.step, self.since, self.ended = file, "", 0.0, False
        self.thread = Thread(target=self._count, name="status line", daemon=True)
        self.thread.start()

    def say(self, step: str) -> None:
        self.step, self.since = step, time.monotonic()
        self._draw(step)

    def hide(self) -> None:
        if self.step:
            self.step = ""
            with suppress(OSError):
                os.write(self.file, ERASE)

    def _count(self) -> None:
        """Show how long the step has taken, again and again."""
        while not self.ended:
            time.sleep(TICK)
            if step := self.step:
                self._draw(step)

    def _draw(self, step: str) -> None:
        seconds = int(time.monotonic() - self.since)
        text = f"{step} ..." + (f" {seconds} s" if seconds else "")
        with suppress(OSError):  # a terminal that has been closed is told nothing
            room = os.get_terminal_size(self.file).columns - 1  # a full line would begin another
            os.write(self.file, ERASE + text[: max(room, 1)].encode())


_shown = Silence()


def appear() -> None:
    """From now on, what is said can be seen, if standard error is a terminal."""
    global _shown
    if isinstance(_shown, Line):
        return
    try:
        file = sys.stderr.fileno()
        draws = os.isatty(file) and os.environ.get("TERM") != "dumb"
        _shown = Line(file) if draws else Silence()
    except (AttributeError, OSError, ValueError):  # standard error is none, closed, or no file
        _shown = Silence()


def say(step: str) -> None:
    """Tell a person at a terminal what is being done from now on, such as ``Reading the data``."""
    _shown.say(step)


def hide() -> None:
    """Leave the line to what is printed next."""
    _shown.hide()


def start_instead(bar: LiveBar) -> None:
    """Hide the line and start the bar in its place; a bar that cannot start is stopped."""
    hide()
    try:
        bar.start()
    except BaseException:  # such as Ctrl-C while it is drawn
        bar.stop()
        raise


def end() -> None:
    """Say nothing more."""
    global _shown
    _shown.hide()
    if isinstance(_shown, Line):
        _shown.ended = True
    _shown = Silence()
