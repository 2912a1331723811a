"""Optuna's databases in SQLite, made once a process and then copied: to make and to open them takes a while."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

STORAGE = "optuna.storages._rdb.storage"  # where Optuna opens databases


class Copies:
    """Stands for SQLAlchemy's function that makes Optuna's tables where they are not yet."""

    def __init__(self, make: Callable[[Any], None]) -> None:
        self.make = make
        self.kept: sqlite3.Connection | None = None

    def __call__(self, engine: Any) -> None:
        if engine.url.get_backend_name() != "sqlite" or not _is_empty(engine.url.database):
            self.make(engine)
            return
        if self.kept is None:
            self.kept = _made()
        with closing(engine.raw_connection()) as pooled:
            self.kept.backup(pooled.driver_connection)


def _is_empty(path: str | None) -> bool:
    """Whether that names a file in which nothing is yet."""
    if path in (None, "", ":memory:"):
        return False
    return not Path(path).exists() or not Path(path).stat().st_size


def _made() -> sqlite3.Connection:
    """A database in memory as Optuna makes it, with its versions."""
    from optuna.storages import RDBStorage

    made, kept = RDBStorage("sqlite://").engine, sqlite3.connect(":memory:", check_same_thread=False)
    with closing(made.raw_connection()) as pooled:
        pooled.driver_connection.backup(kept)
    made.dispose()
    return kept


def install() -> None:
    """Let Optuna, as soon as it is imported, copy its tables, and read its migrations for the newest version once."""
    if STORAGE in sys.modules:
        _install()


@cache
def _install() -> None:
    from optuna.storages._rdb import models
    from optuna.storages._rdb.storage import _VersionManager

    find, versions = _VersionManager.get_head_version, list[str]()

    def get_head_version(self: Any) -> str:
        if not versions:
            versions.append(find(self))
        return versions[0]

    _VersionManager.get_head_version = get_head_version  # type: ignore[method-assign]
    models.BaseModel.metadata.create_all = Copies(models.BaseModel.metadata.create_all)  # type: ignore[method-assign]
