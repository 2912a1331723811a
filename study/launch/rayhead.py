"""A Ray cluster of this machine alone, which ends with the process that began it, however that one ends."""

from __future__ import annotations

import logging
import math
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from study.core.errors import StudyError, first_line
from study.launch.crew import Needs
from study.launch.worker import cores

PATIENCE = 120.0  # seconds for the cluster to begin
LONGEST = 40  # characters of a folder below which Ray's sockets may lie; the system bounds the whole path at 107
ADDRESS = "ray_current_cluster"  # the file in which `ray start` writes where it listens
LOG = "head.log"


class RayHead:
    """The cluster's one node: it listens on loopback alone, shows no dashboard and reports to nobody.

    Whoever connects needs the token that is in this process's environment, other users of the machine have none.
    """

    def __init__(self, needs: Needs) -> None:
        temporary = tempfile.gettempdir()
        self.folder = Path(tempfile.mkdtemp(prefix="ray-", dir=temporary if len(temporary) <= LONGEST else "/tmp"))
        quieten()
        keep_to_loopback(True)
        _ask_for_token()
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0"]
        command += ["--node-ip-address=127.0.0.1", "--include-dashboard=false", "--include-log-monitor=false"]
        cpus = max(cores(), math.ceil((needs.workers or 1) * needs.cpus))
        command += ["--disable-usage-stats", f"--num-cpus={cpus}", f"--temp-dir={self.folder / 'r'}"]
        self._guard = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self.folder), *command],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C at a terminal is for the driver
            env={**os.environ, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"},  # 127.0.0.1 stays what it is
        )

    def address(self) -> str:
        """Where it listens, as soon as it does; StudyError where it does not begin."""
        until = time.monotonic() + PATIENCE
        written = self.folder / "r" / ADDRESS
        while not (written.is_file() and written.read_text()):
            if self._guard.poll() is not None or time.monotonic() > until:
                said = _last_line(self.folder / LOG)
                self.close()
                rule = f"a Ray cluster does not begin on this machine ({said})"
                raise StudyError(
                    "launcher=ray", rule, "start one with `ray start --head`, and name its launcher.address"
                )
            time.sleep(0.05)
        return written.read_text().strip()

    def close(self) -> None:
        """End it, and leave nothing of it; may be called twice."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()
        keep_to_loopback(False)
        shutil.rmtree(self.folder, ignore_errors=True)  # where the guard was killed itself


def join(address: str | None, needs: Needs, runtime_env: dict[str, Any] | None) -> Callable[[], None]:
    """Let this process be a driver on the cluster at the address, and return what undoes it.

    None is the cluster that this process is on already, or that RAY_ADDRESS names, or else one of this machine alone.
    Raises StudyError where there is none.
    """
    quieten()
    import ray

    if ray.is_initialized() and address is None:
        return lambda: None
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    head = RayHead(needs) if address == "local" else None
    sigterm = signal.getsignal(signal.SIGTERM)
    try:
        where = head.address() if head is not None else _reachable(address)
        ray.init(where, runtime_env=runtime_env, log_to_driver=False, logging_level=logging.ERROR)
    except BaseException as error:
        if head is not None:
            head.close()
        if isinstance(error, StudyError) or not isinstance(error, Exception):
            raise
        rule = f"no Ray cluster answers there ({first_line(error)})"
        remedy = "start one, write another address, or set RAY_AUTH_MODE=token where it asks for its token"
        raise StudyError(f"launcher.address={address}", rule, remedy) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, sigterm)  # which Ray takes for itself

    def leave() -> None:
        ray.shutdown()
        if head is not None:
            head.close()

    return leave


def quieten() -> None:
    """Keep what Ray says of workers that die from the terminal; it reads this as it is imported."""
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")


def _reachable(address: str) -> str:
    """The address, where something listens there: Ray would try for long, and say so every second."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    return address


def keep_to_loopback(only: bool) -> None:
    """Whether this process's Ray takes 127.0.0.1 for that, and not for the address that others reach it by."""
    from ray._private import ray_constants

    ray_constants.ENABLE_RAY_CLUSTER = not only


def _ask_for_token() -> None:
    """Let this process's clusters know their own, unless the user has decided how they do.

    Ray reads the token once, so that it is the same for all of them.
    """
    if "RAY_AUTH_MODE" in os.environ:
        return
    from ray._raylet import Config  # type: ignore[attr-defined]

    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    Config.initialize("")  # it has read the environment as it was imported


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")


def guard(folder: Path, command: list[str]) -> None:
    """Run the command until whoever began this process is gone, and leave nothing; what ends by itself says why."""
    with (folder / LOG).open("wb") as log:
        head = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    # Nothing is ever written there: it can be read once its other end is closed, or its process has ended.
    while not (gone := select.select([sys.stdin], [], [], 1.0)[0]) and head.poll() is None:
        continue
    head.terminate()
    with suppress(subprocess.TimeoutExpired):
        head.wait(5)
    with suppress(ProcessLookupError):
        os.killpg(head.pid, signal.SIGKILL)  # some of Ray's processes outlive the rest
    head.wait()
    if gone:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    guard(Path(sys.argv[1]), sys.argv[2:])
