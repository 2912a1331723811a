"""After a refusal nothing goes on: no fork server that imports what nobody needs, and no traceback of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 300.0
# What the fork server is while it imports: its Python knows the name of what it is to prepare.
IMPORTING = "study.launch.preloaded"
REFUSED = ["storage.url=postgresql://nobody@localhost:1/x", "study.trials=1", "task.limit=60"]


def servers(within: str) -> list[psutil.Process]:
    """The fork servers of processes that were begun in the folder."""
    out = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        line, environ = process.info["cmdline"] or [], process.info["environ"] or {}
        if any(IMPORTING in word for word in line) and environ.get("REFUSED_IN") == within:
            out.append(process)
    return out


def begin(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "REFUSED_IN": str(folder)},
    )  # fmt: skip


def test_a_refusal_is_one_line_and_no_fork_server_outlives_it(tmp_path: Path) -> None:
    with begin(tmp_path, "-m", "study", *REFUSED) as process:
        out, err = process.communicate(timeout=PATIENCE)  # which ends when nobody holds its pipes any more
    assert servers(str(tmp_path)) == []
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)


PREPARE = (
    "import sys, time; from study.launch.local import LocalLauncher; LocalLauncher().prepare(); print(1, flush=True)"
)


@pytest.mark.parametrize("folder_goes", [False, True])
def test_a_fork_server_whose_process_was_killed_ends_without_a_word(folder_goes: bool, tmp_path: Path) -> None:
    """Also where its folder goes, in which it may have been looking for modules."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with begin(folder, "-c", f"{PREPARE}; time.sleep(3600)") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "1\n"
        end = time.monotonic() + PATIENCE
        while not (below := servers(str(folder))):
            assert time.monotonic() < end
        process.send_signal(signal.SIGKILL)
        if folder_goes:
            shutil.rmtree(folder)
        assert psutil.wait_procs(below, timeout=PATIENCE)[1] == []
        assert process.stderr.read() == ""


def test_what_has_been_imported_when_the_process_ends_was_asked_for(tmp_path: Path) -> None:
    """A process that ends at once, in whatever order, waits for no import of its fork server."""
    with begin(tmp_path, "-c", PREPARE) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "1\n", "")
    assert servers(str(tmp_path)) == []
