"""What SQLite is asked to make durable: a transaction is on the disk when it has been committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import unsynced
from sqlalchemy import Engine, event, text

from study.core.patience import PATIENCE, PatientConnection
from study.record.client import make_client
from study.search.storage import storage

FULL = 2  # of PRAGMA synchronous: each commit waits for the disk
PRAGMAS = {"synchronous": FULL, "journal_mode": "delete"}


@pytest.fixture
def _as_users_have_it() -> Iterator[None]:
    """Databases of these tests wait for no disk, elsewhere."""
    event.remove(Engine, "connect", unsynced._leave_to_the_system)
    yield
    unsynced.install()


def pragmas(engine: Any) -> dict[str, object]:
    with engine.connect() as connection:
        return {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in PRAGMAS}


@pytest.mark.usefixtures("_as_users_have_it")
def test_both_stores_wait_for_the_disk_at_each_commit(tmp_path: Path) -> None:
    kept = storage(f"sqlite:///{tmp_path}/study.db").engine
    # MLflow keeps its stores by their addresses for as long as a process lives: this one is of no other test.
    record = make_client(f"sqlite:///{tmp_path}/mlflow.db")._tracking_client.store.engine
    assert [pragmas(kept), pragmas(record)] == [PRAGMAS, PRAGMAS]


def test_the_studys_store_waits_a_minute_for_who_has_it_locked(tmp_path: Path) -> None:
    with storage(f"sqlite:///{tmp_path}/study.db").engine.connect() as connection:
        assert isinstance(connection.connection.driver_connection, PatientConnection)
    assert PATIENCE == 60
