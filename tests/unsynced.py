"""SQLite waits for no disk in tests: what they write must outlive a process that is killed, and no power cut."""

from __future__ import annotations

import sqlite3


def install() -> None:
    """Let every database that SQLAlchemy opens in this process leave it to the system when its pages reach the disk."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    event.listen(Engine, "connect", _leave_to_the_system)


def _leave_to_the_system(connection: object, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")
