"""Machines of a network, for tests: namespaces of this one, each with its own name, address, processes and disk.

What a machine of its own has, one of these has: a host name, an address in 10.0.0.0/24, its own processes, and /tmp and
a home that no other one sees; what is installed is the same everywhere, and so is the processor. Needs root on Linux.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

NAMESPACES = ("--net", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
INSIDE = ("--net", "--uts", "--mount", "--pid")
TRIAL = "mount -t tmpfs tmpfs /tmp && ip link add hub type bridge && ip link add one type veth peer name other"
HOME = "/tmp/home"  # of whoever works on a machine; /tmp is the machine's own
# What a machine does first, then waits until it is switched off. The last line says that it is up.
BEGIN = """
set -e
mount -t tmpfs tmpfs /tmp
mount --bind {folder}/hosts /etc/hosts
mkdir {home}
hostname {name}
ip link set lo up
echo up
while :; do sleep 3600 & wait; done
"""


@cache
def possible() -> bool:
    """Whether this process may make machines."""
    if sys.platform != "linux" or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    return subprocess.run(["unshare", *NAMESPACES, "sh", "-c", TRIAL], capture_output=True, check=False).returncode == 0


@dataclass
class Machine:
    """One machine: where it is, and the process whose end ends all others of it."""

    name: str
    address: str
    keeper: subprocess.Popen[str]
    pid: int  # of its first process, as seen from outside
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *argv: str, folder: str = HOME, **more: Any) -> subprocess.CompletedProcess[str]:
        """What a command did that was given here, in a folder of this machine."""
        return subprocess.run(self._there(argv, folder), text=True, env=self._variables(), check=False, **more)

    def begin(self, *argv: str, folder: str = HOME, **more: Any) -> subprocess.Popen[str]:
        """A command that goes on here."""
        return subprocess.Popen(self._there(argv, folder), text=True, env=self._variables(), **more)

    def switch_off(self) -> None:
        """End all of its processes at once, as a power cut does; its connections hang, as they do then."""
        self.keeper.kill()
        self.keeper.wait()

    def _variables(self) -> dict[str, str]:
        return {**os.environ, "HOME": HOME, **self.environment}

    def _there(self, argv: tuple[str, ...], folder: str) -> list[str]:
        return ["nsenter", "--target", str(self.pid), *INSIDE, "sh", "-c", 'cd "$0" && exec "$@"', folder, *argv]


@contextmanager
def network(count: int) -> Iterator[list[Machine]]:
    """So many machines that reach each other; gone, with all that runs on them, when this closes."""
    folder = Path(tempfile.mkdtemp(prefix="machines-", dir="/var/tmp"))
    names = [f"machine{number}" for number in range(1, count + 1)]
    addresses = [f"10.0.0.{number}" for number in range(1, count + 1)]
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for address, name in zip(addresses, names, strict=True))]
    (folder / "hosts").write_text("\n".join(lines) + "\n")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        machines = [_switch_on(stack, folder, *each) for each in zip(names, addresses, strict=True)]
        hub = machines[0].pid
        _ip(hub, "link", "add", "switch", "type", "bridge")
        _ip(hub, "link", "set", "switch", "up")
        for machine in machines:
            _plug_in(hub, machine)
        yield machines


def _switch_on(stack: ExitStack, folder: Path, name: str, address: str) -> Machine:
    script = BEGIN.format(folder=folder, home=HOME, name=name)
    keeper = subprocess.Popen(["unshare", *NAMESPACES, "sh", "-c", script], text=True, stdout=subprocess.PIPE)
    stack.callback(keeper.wait)
    stack.callback(keeper.kill)
    if keeper.stdout is None or keeper.stdout.readline() != "up\n":
        raise RuntimeError(f"{name} did not come up")
    children = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()
    return Machine(name, address, keeper, int(children[0]))


def _plug_in(hub: int, machine: Machine) -> None:
    """Lay a cable from the switch, which lies in the first machine, to this one."""
    port = f"port-{machine.name}"
    _ip(hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(machine.pid))
    _ip(hub, "link", "set", port, "master", "switch", "up")
    _ip(machine.pid, "address", "add", f"{machine.address}/24", "dev", "eth0")
    _ip(machine.pid, "link", "set", "eth0", "up")
    _ip(machine.pid, "route", "add", "default", "dev", "eth0")


def _ip(pid: int, *argv: str) -> None:
    subprocess.run(["nsenter", "--target", str(pid), "--net", "ip", *argv], check=True, capture_output=True)
