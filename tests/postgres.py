"""A PostgreSQL server of the tests' own: in a temporary folder, on this machine alone, gone when they end."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine, text

USER, PASSWORD = "me", "S3cret/ö%3A p@ss"
FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
PATIENCE = 60.0  # seconds for a server to answer
TRIES = 5  # ports, of which another program may take one first
# Nothing of it outlives the tests, so that nothing need reach the disk.
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300", "shared_buffers=32MB")
ON_PARENTS_DEATH = 1  # prctl's name for the signal that a process gets when its parent dies


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest where there are several; None where there is none."""
    on_path = shutil.which("initdb")
    known = [on_path] if on_path else sorted(path for folder in FOLDERS for path in glob(f"{folder}/initdb"))
    return Path(known[-1]).parent if known else None


class Server:
    """A running server: `host` and `port` on the loopback, `folder` with its socket."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port, self.numbers = folder, port, count()

    def address(self, database: str, by_socket: bool = False) -> str:
        """The address of a database, with the password in it."""
        return self._url(database, by_socket).render_as_string(hide_password=False)

    def _url(self, database: str, by_socket: bool = False) -> URL:
        if by_socket:
            place = {"host": str(self.folder), "port": str(self.port)}
            return URL.create("postgresql", USER, PASSWORD, database=database, query=place)
        return URL.create("postgresql", USER, PASSWORD, self.host, self.port, database)

    def database(self, by_socket: bool = False) -> str:
        """The address of a new and empty database."""
        name = f"store{next(self.numbers)}"
        self.execute("postgres", f"create database {name}")
        return self.address(name, by_socket)

    def execute(self, database: str, statement: str) -> None:
        """Let the server do something, outside any transaction."""
        engine = create_engine(self._url(database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()


@contextmanager
def serve(programs: Path) -> Iterator[Server]:
    """A server for as long as this is open, run by a user without privileges, as PostgreSQL wants it."""
    folder = Path(tempfile.mkdtemp(prefix="lora-study-postgresql-"))
    try:
        user = _unprivileged()
        if user is not None:
            shutil.chown(folder, user)
        word = folder / "password"
        word.write_text(PASSWORD, encoding="utf-8")
        word.chmod(0o644)  # in a folder that only its owner enters
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
        command = [programs / "initdb", "-D", folder / "data", "-U", USER, f"--pwfile={word}", *options]
        subprocess.run(command, user=user, check=True, capture_output=True, cwd=folder)
        with _running(programs, folder, user) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def _running(programs: Path, folder: Path, user: str | None) -> Iterator[Server]:
    process, server = _start(programs, folder, user)
    try:
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)  # at once: nothing of it is wanted any more
        process.wait()


def _start(programs: Path, folder: Path, user: str | None) -> tuple[subprocess.Popen[bytes], Server]:
    for _ in range(TRIES):
        server = Server(folder, free_port())
        settings = [f"listen_addresses={server.host}", f"port={server.port}", f"unix_socket_directories={folder}"]
        options = [part for setting in (*settings, *SETTINGS) for part in ("-c", setting)]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", *options],
                user=user, stdout=log, stderr=log, cwd=folder, preexec_fn=follow_parent, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            status = folder / "data" / "postmaster.pid"
            if status.exists() and status.read_text().rstrip().endswith("ready"):
                return process, server
            time.sleep(0.02)
        process.kill()
        process.wait()
    raise RuntimeError((folder / "log").read_text(errors="replace"))


def free_port() -> int:
    """A port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((Server.host, 0))
        return int(probe.getsockname()[1])


def _unprivileged() -> str | None:
    """Who runs the server: None for who runs the tests, where that is not the administrator."""
    import pwd

    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def follow_parent(by: signal.Signals = signal.SIGQUIT) -> None:
    """Let a server end by that signal when the tests do, however they end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ON_PARENTS_DEATH, by)
