"""The line at the foot of a terminal says what is being done, and leaves nothing behind."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from study.core import status_line
from study.core.status_line import Line

ERASE = "\r\x1b[2K"


@pytest.fixture(autouse=True)
def _the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_line, "TICK", 3600.0)


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """What a person sees, and what a command writes to, of a terminal of 40 columns."""
    seen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    yield seen, terminal
    os.close(seen)
    os.close(terminal)


def read(seen: int, length: int) -> str:
    """That many characters of what was written; a terminal may hand them over in pieces."""
    data = b""
    while len(data) < length:
        data += os.read(seen, length - len(data))
    return data.decode()


def test_a_step_takes_the_place_of_the_one_before_it_and_hiding_leaves_an_empty_line(ends: tuple[int, int]) -> None:
    line = Line(ends[1])
    line.say("Reading the data")
    line.say("Training")
    line.hide()
    line.hide()
    line.ended = True
    wanted = f"{ERASE}Reading the data ...{ERASE}Training ...{ERASE}"
    assert read(ends[0], len(wanted)) == wanted


def test_the_seconds_of_a_step_are_counted(ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_line, "TICK", 0.0)
    line = Line(ends[1])
    line.say("Training")
    line.since -= 61
    text = ""
    while "61 s" not in text:
        text += os.read(ends[0], 4096).decode()
    line.step, line.ended = "", True
    line.thread.join()
    assert f"{ERASE}Training ... 61 s" in text


def test_a_step_longer_than_the_terminal_is_wide_stays_in_one_line(ends: tuple[int, int]) -> None:
    line = Line(ends[1])
    line.say("x" * 100)
    line.ended = True
    line.say("y")
    assert read(ends[0], 50) == f"{ERASE}{'x' * 39}{ERASE}y"


def test_nothing_is_said_where_standard_error_is_no_terminal_or_a_terminal_knows_no_erasing(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status_line.appear()
    status_line.say("Reading")
    status_line.hide()
    status_line.end()
    assert capfd.readouterr() == ("", "")
    with os.fdopen(os.dup(ends[1]), "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        for kind, shown in [("dumb", status_line.Silence), ("xterm", Line)]:
            monkeypatch.setenv("TERM", kind)
            status_line.appear()
            assert type(status_line._shown) is shown
            status_line.end()


def test_a_command_speaks_before_it_imports_what_takes_long() -> None:
    code = (
        "import sys\nfrom study.core import command, status_line\nbefore = set(sys.modules)\n"
        "said = status_line.say\nstatus_line.say = lambda step: print(step, *sorted(heavy & set(sys.modules)))\n"
        "heavy = {'hydra', 'omegaconf', 'rich', 'numpy', 'torch', 'mlflow'}\ncommand.set_up('lora-study')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Reading the configuration\n"
