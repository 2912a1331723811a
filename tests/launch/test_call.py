"""What needs a worker's libraries is done in a process that has them, with the same outcome."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from study.core.errors import ConfigError
from study.launch.base import Launcher
from study.launch.local import METHOD, LocalLauncher

call = LocalLauncher().call


def refuse(value: str) -> None:
    raise ConfigError(value, "is too large", "write a smaller one")


def die_unless(process: int) -> int:
    """The number of this process, which is killed where it is another one."""
    if os.getpid() != process:
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def test_a_function_is_done_in_another_process_that_leaves_ctrl_c_to_this_one() -> None:
    assert (call(os.getpid) != os.getpid()) == (METHOD == "forkserver")
    assert call(signal.getsignal, signal.SIGINT) == signal.SIG_IGN


def test_meanwhile_this_process_does_what_it_is_given() -> None:
    said: list[str] = []

    @contextmanager
    def meanwhile() -> Iterator[None]:
        said.append("begun")
        yield
        said.append("ended")

    assert call(abs, -3, meanwhile=meanwhile()) == 3
    assert said == ["begun", "ended"] * (METHOD == "forkserver")
    assert Launcher.call(LocalLauncher(), abs, -3, meanwhile=meanwhile()) == 3
    assert said == ["begun", "ended"] * (METHOD == "forkserver")


def test_its_error_names_value_rule_and_remedy_as_here() -> None:
    with pytest.raises(ConfigError) as there:
        call(refuse, "x=9")
    assert (there.value.value, there.value.rule, there.value.remedy) == ("x=9", "is too large", "write a smaller one")


def test_what_kills_the_other_process_is_done_here() -> None:
    assert call(die_unless, os.getpid()) == os.getpid()


def test_a_launcher_that_knows_no_better_has_it_done_here() -> None:
    assert Launcher.call(LocalLauncher(), os.getpid) == os.getpid()
