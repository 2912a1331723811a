"""A Slurm cluster for tests, of this machine or of several: of the distribution's packages, gone when they end."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from machines import Machine
from postgres import follow_parent, free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
NODES = ("sinfo", "--noheader", "--Node", "--format=%t")  # the state of each
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
PATIENCE = 60.0  # seconds for the cluster to answer
CORES, MEMORY = 2, 20000  # of a node; more than the machine may have: nobody is in a hurry
MUNGE = "/tmp/munge"  # of each of several machines, where /tmp is its own
CONFIGURATION = """
ClusterName=tests
SlurmctldHost={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={munge}.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdSpoolDir={folder}/spool-%n
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
GresTypes=gpu
NodeName={nodes} CPUs={cores} RealMemory={memory} Gres=gpu:1 State=UNKNOWN
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
    host, ports = socket.gethostname().partition(".")[0], (free_port(), free_port())
    with ExitStack() as stack:
        folder = _folder(stack)
        munge = f"{folder}/munge"
        file = _configure(folder, f"{host}(127.0.0.1)", f"{host} NodeAddr=127.0.0.1", ports, munge)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("SLURM_CONF", str(file))
        _begin(stack, folder, _munged(known, folder, munge))
        for daemon in ("slurmctld", "slurmd"):
            _begin(stack, folder, _daemon(known[daemon], file))
        _wait_for_nodes(folder, lambda: subprocess.run(NODES, capture_output=True, text=True, check=False), 1)
        yield file


@contextmanager
def serve_on(known: dict[str, str], login: Machine, *nodes: Machine) -> Iterator[Path]:
    """The same on several machines: one from which jobs are submitted, and those on which they run."""
    with ExitStack() as stack:
        folder = _folder(stack)
        names = ",".join(node.name for node in nodes)
        file = _configure(folder, f"{login.name}({login.address})", names, (6817, 6818), MUNGE)
        for machine, daemon in ((login, "slurmctld"), *((node, "slurmd") for node in nodes)):
            machine.environment = {**machine.environment, "SLURM_CONF": str(file)}
            for argv in (_munged(known, folder, MUNGE), _daemon(known[daemon], file)):
                with (folder / f"{machine.name}.log").open("ab") as log:
                    machine.begin(*argv, stdout=log, stderr=log)
        _wait_for_nodes(folder, lambda: login.run(*NODES, capture_output=True), len(nodes))
        yield file


def _folder(stack: ExitStack) -> Path:
    """A folder that every machine sees, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="lora-study-slurm-", dir="/var/tmp"))
    folder.chmod(0o755)  # Munge's socket lies in it
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _configure(folder: Path, controller: str, nodes: str, ports: tuple[int, int], munge: str) -> Path:
    """The cluster's configuration and its key. The GPU of each node is none: jobs are given it, and no more."""
    (folder / "state").mkdir()
    user, size = pwd.getpwuid(os.getuid()).pw_name, {"cores": CORES, "memory": MEMORY}
    text = CONFIGURATION.format(
        controller=controller, nodes=nodes, ports=ports, munge=munge, user=user, folder=folder, **size
    )
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n", encoding="utf-8")
    (folder / "munge.key").write_bytes(os.urandom(128))
    (folder / "munge.key").chmod(0o400)
    file = folder / "slurm.conf"
    file.write_text(text, encoding="utf-8")
    return file


def _munged(known: dict[str, str], folder: Path, munge: str) -> list[str]:
    parts = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    places = [f"--{option}={munge}.{end}" for option, end in parts.items()]
    return [known["munged"], "--foreground", "--force", f"--key-file={folder}/munge.key", *places]


def _daemon(program: str, file: Path) -> list[str]:
    return [program, "-D", "-f", str(file)]


def _begin(stack: ExitStack, folder: Path, argv: list[str]) -> None:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            argv, stdout=log, stderr=log, cwd=folder, start_new_session=True,
            preexec_fn=partial(follow_parent, signal.SIGTERM),
        )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.terminate)


def _wait_for_nodes(folder: Path, look: Callable[[], subprocess.CompletedProcess[str]], count: int) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if look().stdout.split() == ["idle"] * count:
            return
        time.sleep(0.1)
    raise RuntimeError("\n".join(log.read_text(errors="replace") for log in sorted(folder.glob("*log"))))
