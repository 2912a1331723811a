"""SQLite that waits for other programs to let a database go, and says so."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from study.core import status_line
from study.core.prose import print_prose

T = TypeVar("T")
SOON = 2.0  # seconds for which a lock is nothing to speak of
PAUSE = 0.05  # seconds between tries: SQLite itself does not wait where it sees that two wait for each other
PATIENCE = 60.0  # seconds in all, after which the statement fails

_in_vain: set[str] = set()  # databases that were waited for so long


class PatientCursor(sqlite3.Cursor):
    """A cursor of a patient connection."""

    connection: PatientConnection

    def execute(self, *arguments: Any) -> PatientCursor:
        _wait_for(lambda: sqlite3.Cursor.execute(self, *arguments), self.connection.name)
        return self

    def executemany(self, statement: str, rows: Iterable[Any], /) -> PatientCursor:
        each = list(rows)
        _wait_for(lambda: sqlite3.Cursor.executemany(self, statement, each), self.connection.name)
        return self


class PatientConnection(sqlite3.Connection):
    """A connection whose statements wait :data:`PATIENCE` for a lock; after :data:`SOON` they tell a person so.

    It is opened with the arguments :data:`PATIENT`.
    """

    def __init__(self, database: str, *arguments: Any, **named: Any) -> None:
        super().__init__(database, *arguments, **named)
        self.name = Path(database.partition("?")[0]).name

    def cursor(self, factory: Any = PatientCursor) -> Any:
        return super().cursor(factory)

    def commit(self) -> None:
        _wait_for(super().commit, self.name)


PATIENT: dict[str, Any] = {"timeout": SOON, "factory": PatientConnection}  # arguments of sqlite3.connect


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A patient connection through which nothing can be changed or made.

    It is open for writing all the same: SQLite must undo what a process left half written that was killed, which it
    does as soon as somebody reads, and refuses for reading alone.
    """
    place = f"{path.resolve().as_uri()}?mode=rw"
    connection: sqlite3.Connection = sqlite3.connect(place, uri=True, check_same_thread=False, **PATIENT)
    connection.execute("pragma query_only = on")
    return connection


def _wait_for(work: Callable[[], T], name: str) -> T:
    """What the work returns, as soon as no other program has the database of that name locked.

    One that was waited for in vain is not waited for again, until it has been let go.
    """
    begun, told = time.monotonic(), False
    while True:
        try:
            done = work()
        except sqlite3.OperationalError as error:
            if not _is_locked(error) or name in _in_vain:
                raise
            if time.monotonic() - begun > PATIENCE - SOON:
                _in_vain.add(name)
                raise
        else:
            _in_vain.discard(name)
            return done
        if not told:
            status_line.hide()
            line = f"{name} is locked by another program: it is waited for, up to {PATIENCE:.0f} seconds"
            print_prose(f"Note: {line}.", sys.stderr)
            told = True
        time.sleep(PAUSE)


def _is_locked(error: sqlite3.OperationalError) -> bool:
    return str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_BUSY")
