"""A Slurm cluster of this machine alone, for tests: of the distribution's packages, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from postgres import follow_parent, free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
PATIENCE = 60.0  # seconds for the cluster to answer
CORES, MEMORY = 2, 4000  # of the only node; more than the machine may have: nobody is in a hurry
CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmdParameters=config_overrides
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=short Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def answers() -> bool:
    """Whether a cluster is there, as on a login node."""
    program = shutil.which("sinfo")
    return program is not None and subprocess.run([program], capture_output=True, check=False).returncode == 0


def programs() -> dict[str, str] | None:
    """Where Slurm's programs are, by name; None where one is missing."""
    known = {name: shutil.which(name, path=PLACES) for name in PROGRAMS}
    return {name: path for name, path in known.items() if path} if all(known.values()) else None


@contextmanager
def serve(known: dict[str, str]) -> Iterator[Path]:
    """Its configuration for as long as this is open, by which this process and its children reach it."""
    folder = Path(tempfile.mkdtemp(prefix="lora-study-slurm-"))
    folder.chmod(0o755)  # Munge's socket lies in it
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        file = _configure(folder)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("SLURM_CONF", str(file))
        parts = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        munge = [f"--{option}={folder}/munge.{end}" for option, end in parts.items()]
        key = folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        _begin(stack, folder, known["munged"], "--foreground", "--force", f"--key-file={key}", *munge)
        _begin(stack, folder, known["slurmctld"], "-D", "-f", str(file))
        _begin(stack, folder, known["slurmd"], "-D", "-f", str(file))
        _wait_for_a_node(folder, known["sinfo"])
        yield file


def _configure(folder: Path) -> Path:
    for name in ("spool", "state"):
        (folder / name).mkdir()
    file, user = folder / "slurm.conf", pwd.getpwuid(os.getuid()).pw_name
    host, ports = socket.gethostname().partition(".")[0], (free_port(), free_port())
    file.write_text(
        CONFIGURATION.format(host=host, user=user, folder=folder, ports=ports, cores=CORES, memory=MEMORY),
        encoding="utf-8",
    )
    return file


def _begin(stack: ExitStack, folder: Path, *command: str) -> None:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, start_new_session=True,
            preexec_fn=partial(follow_parent, signal.SIGTERM),
        )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.terminate)


def _wait_for_a_node(folder: Path, sinfo: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        said = subprocess.run([sinfo, "-h", "-o", "%t"], capture_output=True, text=True, check=False).stdout
        if "idle" in said.split():
            return
        time.sleep(0.1)
    raise RuntimeError("\n".join(log.read_text(errors="replace") for log in sorted(folder.glob("*log"))))
