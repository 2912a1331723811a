"""Processes of this machine begin and answer, whatever becomes of the folder of temporary files meanwhile."""

from __future__ import annotations

import subprocess
import sys

import psutil
import pytest

CLEANED = """
import shutil
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from study.launch import processes

processes.PRELOADED = "json"

def serve(place, pipe):
    with suppress(EOFError):
        while True:
            pipe.send_bytes(pipe.recv_bytes() + str(place).encode())

def ask(aide):
    aide.ask(b"place ")
    (speaker,) = processes.wait([aide])
    return speaker.hear().decode()

if __name__ == "__main__":
    processes.warm_up()
    first = processes.begin_aide(1, serve)
    answers, socket = [ask(first)], Path(forkserver._forkserver._forkserver_address)
    {clean}
    second = processes.begin_aide(2, serve)
    answers += [ask(first), ask(second)]
    for aide in (first, second):
        aide.end()
    print(*answers, sep=",")
"""


@pytest.mark.parametrize("clean", ["socket.unlink()", "shutil.rmtree(socket.parent)", "pass"])
def test_a_cleaner_of_old_files_ends_no_process_and_keeps_none_from_beginning(clean: str, tmp_path) -> None:
    script = tmp_path / "cleaned.py"
    script.write_text(CLEANED.format(clean=clean))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "place 1,place 1,place 2"
    gone = [p for p in psutil.process_iter(["cmdline"]) if str(script) in " ".join(p.info["cmdline"] or [])]
    psutil.wait_procs(gone, timeout=60)
    assert not [p for p in gone if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
