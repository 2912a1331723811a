"""A command that is refused or killed leaves no process, socket or temporary file behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

KILL_ITSELF = """
import os, signal
from study.core.scratch import scratch_folder
from study.launch.processes import warm_up
warm_up()
with scratch_folder() as folder:
    (folder / "answers.json").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
SETTLE = 60.0  # seconds for what a command has begun to find out that it is gone


def begin(folder: Path) -> subprocess.Popen[str]:
    """A study of a table that is not there, which is found out while its fork server imports torch."""
    return run(folder, "-m", "study", "task=file", "task.path=none.csv", "task.text=a", "task.label=b", "tracking=off")


def run(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Python in that folder, with its temporary files below it, in a session of its own."""
    (folder / "tmp").mkdir()
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "TMPDIR": str(folder / "tmp"), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


def living(session: int) -> list[psutil.Process]:
    """The processes of a session that have not ended."""
    out = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                out.append(process)
    return out


def temporary(folder: Path) -> list[str]:
    """What lies in the folder of temporary files, without a user's cache that torch keeps there on purpose."""
    return [path.name for path in (folder / "tmp").iterdir() if not path.name.startswith("torchinductor")]


def settle(session: int) -> None:
    end = time.monotonic() + SETTLE
    while living(session) and time.monotonic() < end:
        time.sleep(0.1)


@pytest.mark.long
def test_a_refused_command_ends_its_fork_server_with_itself(tmp_path: Path) -> None:
    refused = begin(tmp_path)
    _, said = refused.communicate()
    settle(refused.pid)
    assert refused.returncode == 2
    assert said.count("\n") == 1, said
    assert living(refused.pid) == []
    assert temporary(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == ["tmp"]


@pytest.mark.long
def test_a_killed_commands_fork_server_removes_its_socket_and_ends(tmp_path: Path) -> None:
    killed = begin(tmp_path)
    while len(living(killed.pid)) < 3:  # it, what tracks its resources, and its fork server
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    settle(killed.pid)
    assert living(killed.pid) == []
    assert temporary(tmp_path) == []


@pytest.mark.long
def test_a_file_that_was_on_its_way_to_mlflow_goes_with_a_killed_command(tmp_path: Path) -> None:
    killed = run(tmp_path, "-c", KILL_ITSELF)
    killed.communicate()
    settle(killed.pid)
    assert killed.returncode == -signal.SIGKILL
    assert temporary(tmp_path) == []
