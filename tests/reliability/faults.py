"""Faults of a study, by number: the n-th call to its database, or to MLflow, fails or ends the process; when its
driver has taken a lock for the n-th time, Ctrl-C is pressed."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

STORE, RECORD, CLIENT = "store", "record", "client"  # the study's database, MLflow's, and MLflow's client
RAISE, GONE, KILL = "raise", "gone", "kill"  # one call fails; so does every later one; the process is killed before it
LOST = "lost"  # the call is made, and its answer lost
LOCKS, CTRL_C = "locks", "Ctrl-C"  # locks that the driver's thread takes
FULL, READ_ONLY = "full", "read-only"  # from that call on, the database cannot grow, or be written to
LOCKED, HELD = "locked", "held"  # from that call on, or for a while, another program has the database to itself
LASTING = {FULL: "max_page_count=1", READ_ONLY: "query_only=ON"}  # what makes SQLite itself refuse
WHILE = 0.3  # seconds
COUNTED_APART = ((STORE, RAISE), (STORE, KILL), (RECORD, RAISE), (RECORD, KILL), (CLIENT, RAISE), (LOCKS, CTRL_C))
AT_COMMITS = (KILL, GONE)  # until it is committed, nothing of a transaction outlives the process


def counted_as(place: str, kind: str) -> str:
    """Under which name the calls are counted that such a fault may befall."""
    if place == LOCKS:
        return f"{LOCKS} {CTRL_C}"
    return f"{place} {KILL if kind in AT_COMMITS and place != CLIENT else RAISE}"


@dataclass
class Fault:
    """Counts the calls to `place`, from 0, and lets number `at` fail as `kind` says; -1 is none."""

    place: str
    kind: str
    at: int = -1
    calls: int = 0
    within: threading.local = field(default_factory=threading.local)
    other: sqlite3.Connection | None = None  # of the other program

    def call(self, error: Callable[[], Exception], database: Any = None) -> None:
        """One call more, which ends in that error, or with the process, if it is its turn."""
        number, self.calls = self.calls, self.calls + 1
        if self.at < 0 or number < self.at:
            return
        if self.kind in LASTING:
            database.execute(f"PRAGMA {LASTING[self.kind]}")
        elif self.kind in (LOCKED, HELD):
            self._lock(database)
        elif number == self.at and self.kind == CTRL_C:
            signal.raise_signal(signal.SIGINT)
        elif number == self.at and self.kind == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif number == self.at or self.kind == GONE:
            raise error()

    def _lock(self, database: sqlite3.Connection) -> None:
        """Be another program that has the database to itself, as soon as nobody is in the middle of writing."""
        if self.other is not None or database.in_transaction:
            return
        (path,) = (row[2] for row in database.execute("PRAGMA database_list"))
        self.other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.other.execute("BEGIN EXCLUSIVE")
        if self.kind == HELD:
            threading.Timer(WHILE, self.other.close).start()

    def install(self) -> None:
        """Count from now on."""
        if self.place == LOCKS:
            self._watch_locks()
        elif self.place == CLIENT:
            self._watch_client()
        else:
            self._watch_database({STORE: "study.db", RECORD: "mlflow.db"}[self.place])

    def _watch_database(self, name: str) -> None:
        from sqlalchemy import event, exc
        from sqlalchemy.engine import Engine

        def is_ours(engine: Any) -> bool:
            return Path(engine.url.database or "").name.startswith(name)

        def broken() -> sqlite3.OperationalError:
            return sqlite3.OperationalError("disk I/O error")

        def execute(*arguments: Any) -> None:
            context = arguments[-1]
            if is_ours(context.engine) and self.kind not in AT_COMMITS:
                self.call(broken, context.cursor.connection)

        def commit(connection: Any) -> None:
            if is_ours(connection.engine):
                self.call(lambda: exc.OperationalError("COMMIT", {}, broken()), connection.connection.driver_connection)

        for moment in ("do_execute", "do_executemany", "do_execute_no_params"):
            event.listen(Engine, moment, execute)
        event.listen(Engine, "commit", commit)

    def _watch_locks(self) -> None:
        """The locks of queues and pools: whoever is cut off as it takes one never gives it back."""
        take = threading.Condition.__enter__

        def raises() -> bool:
            return getattr(signal.getsignal(signal.SIGINT), "__name__", "") == "interrupt"

        def enter(condition: threading.Condition) -> bool:
            taken = take(condition)
            if threading.get_ident() == threading.main_thread().ident and raises():
                self.call(AssertionError)
            return taken

        threading.Condition.__enter__ = enter  # type: ignore[method-assign]

    def _watch_client(self) -> None:
        """Let the client write every run, as it does where the record is no database of a known version."""
        from mlflow import MlflowClient

        from study.record import rows

        rows._is_known = lambda: False
        for name, method in [*vars(MlflowClient).items()]:
            if not name.startswith("_") and callable(method):
                setattr(MlflowClient, name, self._watched(method))

    def _watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, counted where no other method of the client has called it."""
        from mlflow.exceptions import MlflowException

        errors = (
            lambda: MlflowException("it is invented to fail"),
            lambda: ConnectionError("Connection refused"),
            lambda: OSError(28, "No space left on device"),
        )

        @wraps(method)
        def call(*arguments: Any, **named: Any) -> Any:
            if getattr(self.within, "method", False):
                return method(*arguments, **named)
            if self.kind != LOST:
                self.call(errors[self.calls % len(errors)])
            self.within.method = True
            try:
                answer = method(*arguments, **named)
            finally:
                self.within.method = False
            if self.kind == LOST:
                self.call(errors[self.calls % len(errors)])
            return answer

        return call
