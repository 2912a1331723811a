"""What the suite puts aside is its user's alone, and nothing that it begins listens to other machines."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from tiny import letters

from study.config.schema import EngineConfig
from study.launch import Worker, rayhead
from study.launch.crew import Needs
from study.launch.slurm import SlurmLauncher

LISTENING = """
import json, os, psutil
from multiprocessing import forkserver
from pathlib import Path
from study.launch import local, processes

processes.PRELOADED = "json"
launcher = local.LocalLauncher(1)
assert launcher.call(os.getpid) != os.getpid()
every = [psutil.Process(), *psutil.Process().children(recursive=True)]
folder = Path(forkserver._forkserver._forkserver_address).parent
print(json.dumps({
    "processes": len(every), "mode": folder.stat().st_mode & 0o777,
    "listening": [str(c.laddr) for p in every for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN],
}))
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_workers_of_this_machine_are_spoken_to_through_a_socket_that_no_other_user_reaches() -> None:
    done = subprocess.run([sys.executable, "-c", LISTENING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["processes"] >= 2
    assert (told["listening"], told["mode"]) == ([], 0o700)


@pytest.mark.parametrize("depth", [10, 100, 200])
def test_however_long_the_path_of_temporary_files_is_workers_are_spoken_to(depth: int, tmp_path: Path) -> None:
    """A socket's path has 107 characters at most."""
    folder = tmp_path / ("d" * depth)
    folder.mkdir()
    code = "import os\nfrom study.launch import local, processes\nprocesses.PRELOADED = 'json'\n"
    code += "assert local.LocalLauncher(1).call(os.getpid)"
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in folder.iterdir() if path.name.startswith("pymp")] == []


def test_what_jobs_of_slurm_are_sent_lies_in_a_folder_that_no_other_user_enters(tmp_path: Path) -> None:
    launcher = SlurmLauncher("debug", folder=str(tmp_path / "slurm"))
    with launcher.start(Worker(letters(), EngineConfig())):
        (place,) = (tmp_path / "slurm").iterdir()
        assert mode(place) == 0o700
        assert [path.name for path in place.iterdir()] == ["worker.pkl"]
    assert [*(tmp_path / "slurm").iterdir()] == []


def test_a_cluster_of_this_machine_listens_on_loopback_and_knows_its_own_by_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: dict[str, Any] = {}

    def begin(command: list[str], **more: Any) -> SimpleNamespace:
        begun.update(more, command=command)
        return SimpleNamespace(stdin=None, wait=lambda: 0)

    monkeypatch.setattr(rayhead, "subprocess", SimpleNamespace(Popen=begin, PIPE=subprocess.PIPE))
    with patch.dict(os.environ):  # which the token is put into
        os.environ.pop("RAY_AUTH_MODE", None)
        head = rayhead.RayHead(Needs(1, 1, None, 1))
    try:
        assert mode(head.folder) == 0o700
        assert "--node-ip-address=127.0.0.1" in begun["command"]
        assert "--include-dashboard=false" in begun["command"]
        assert begun["env"]["RAY_AUTH_MODE"] == "token"
        assert len(begun["env"]["RAY_AUTH_TOKEN"]) >= 32
    finally:
        head.close()
    assert not head.folder.exists()
