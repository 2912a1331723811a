"""Lines on a terminal break between words, and stay as they are anywhere else."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import termios
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.config.members import Stop
from study.config.schema import StudyConfig
from study.core import prose
from study.search.progress import Progress

WIDTH = 80
WORDS = st.lists(st.text("abcλ-/.=", min_size=1, max_size=100), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def terminal() -> Iterator[TextIO]:
    """A terminal of 80 columns."""
    seen, end = os.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    with os.fdopen(end, "w") as file:
        yield file
    os.close(seen)


@given(words=WORDS)
def test_no_word_is_cut_and_no_line_of_several_words_is_too_long(terminal: TextIO, words: list[str]) -> None:
    lines = prose.break_lines(" ".join(words), terminal).split("\n")
    assert [word for line in lines for word in line.split(" ")] == words
    assert all(len(line) <= WIDTH or " " not in line for line in lines)


@given(text=st.text())
def test_what_is_no_terminal_gets_the_text_as_it_is(text: str) -> None:
    assert prose.break_lines(text, io.StringIO()) == text


def test_what_a_search_says_beside_its_bar_breaks_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prose, "_width", lambda file: WIDTH)
    plan: Any = SimpleNamespace(config=StudyConfig(), folds=(0, 1))
    bar = Progress(plan)
    bar.trial_started(0, "r4 qv")
    bar.trial_stopped(Stop(0, 1, f"adds nothing to the front, {'as was measured ' * 9}at last"))
    bar.say(("costs of 44 trials that trained beside others " * 4 + "were measured",))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 4
    assert all(len(line) <= WIDTH for line in lines)
    assert " ".join(lines).count("were measured.") == 1
