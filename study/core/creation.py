"""Stores that several processes may be about to make at once, any of which may be killed while it does."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from study.core.addresses import path_of, scheme_of

UNFINISHED = ".unfinished"  # what a database's file is called by more until it is whole
LOCK = 0x10A4_5700  # by which processes know each other on a server of PostgreSQL, in the database that is meant


@contextmanager
def one_at_a_time(url: str) -> Iterator[None]:
    """While open, no other process is inside for a SQLite file of this folder, or for this database of PostgreSQL.

    Nothing stays behind, however the process ends. The folder itself is what is locked, for processes of this machine;
    where it cannot be, as on some network drives, nobody waits.
    """
    locks = {"sqlite": _folder_of, "postgresql": _database_at}
    with locks.get(scheme_of(url), nullcontext)(url):
        yield


def make_beside(url: str, make: Callable[[str], None]) -> None:
    """Let `make` make a file of SQLite that is not there yet at another address, and put it in its place when it is
    whole, so that nobody ever finds half of one; inside of :func:`one_at_a_time`.

    The disk is waited for once, when it is whole: MLflow makes its store in a thousand steps that would each wait.
    """
    path = path_of(url) if scheme_of(url) == "sqlite" else Path()
    if path.name in ("", ":memory:") or path.exists() or "file:" in url:
        return
    unfinished = path.with_name(f"{path.name}{UNFINISHED}")
    for part in (unfinished, path.with_name(f"{unfinished.name}-journal")):
        part.unlink(missing_ok=True)  # of a process that was killed
    place, mark, arguments = url.partition("?")
    with _sync_once(unfinished):
        make(f"{place}{UNFINISHED}{mark}{arguments}")  # SQLAlchemy would quote what MLflow does not
    unfinished.rename(path)


@contextmanager
def _sync_once(path: Path) -> Iterator[None]:
    """While open, what SQLAlchemy writes to this file of SQLite waits for no disk; at the end, the whole file does."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def leave_to_the_system(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection) and _is_open_in(connection, path):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", leave_to_the_system)
    try:
        yield
    finally:
        event.remove(Engine, "connect", leave_to_the_system)
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _is_open_in(connection: sqlite3.Connection, path: Path) -> bool:
    files = [file for _, _, file in connection.execute("PRAGMA database_list")]
    return any(file and Path(file).exists() and path.exists() and path.samefile(file) for file in files)


@contextmanager
def _folder_of(url: str) -> Iterator[None]:
    import fcntl

    folder = os.open(path_of(url).absolute().parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)  # which ends the lock too


@contextmanager
def _database_at(url: str) -> Iterator[None]:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:  # whose end is the lock's end
        connection.execute(sqlalchemy.text(f"select pg_advisory_lock({LOCK})"))
        yield
