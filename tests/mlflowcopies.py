"""MLflow's databases in SQLite, made once a process and then copied: making one takes more than a second."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import Any

TABLES = "mlflow.store.db.utils"  # where MLflow makes a database's tables, by all its migrations


class Copies:
    """Stands for MLflow's function that makes the tables of an empty database."""

    def __init__(self, make: Callable[[Any], None]) -> None:
        self.make = make
        self.kept: sqlite3.Connection | None = None

    def __call__(self, engine: Any) -> None:
        if engine.url.get_backend_name() != "sqlite" or engine.url.database in (None, "", ":memory:"):
            self.make(engine)
            return
        if self.kept is None:
            self.make(engine)
        with closing(engine.raw_connection()) as pooled:
            if self.kept is None:
                self.kept = sqlite3.connect(":memory:", check_same_thread=False)
                pooled.driver_connection.backup(self.kept)
            else:
                self.kept.backup(pooled.driver_connection)


def install() -> None:
    """Let MLflow, as soon as it is imported, copy, and read its migrations for the newest version once."""
    tables = sys.modules.get(TABLES)
    if tables is not None and not isinstance(tables._initialize_tables, Copies):
        tables._initialize_tables = Copies(tables._initialize_tables)  # type: ignore[attr-defined]
        tables._get_latest_schema_revision = cache(tables._get_latest_schema_revision)  # type: ignore[attr-defined]
