"""Stores that are made beside their place."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
import unsynced
from sqlalchemy import Engine, event

from study.core.creation import make_beside

OFF, FULL = 0, 2  # how SQLite waits for the disk


@pytest.fixture(autouse=True)
def _as_users_have_it() -> Iterator[None]:
    """Databases of these tests wait for no disk, elsewhere."""
    event.remove(Engine, "connect", unsynced._leave_to_the_system)
    yield
    unsynced.install()


def waits(url: str) -> int:
    """How a connection that SQLAlchemy opens there waits for the disk; a table is made on the way."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table t (x int)"))
        return int(connection.execute(sqlalchemy.text("pragma synchronous")).scalar_one())


def test_a_store_waits_for_the_disk_once_while_it_is_made_and_always_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, url, seen = f"sqlite:///{tmp_path / 'other.db'}", f"sqlite:///{tmp_path / 'made.db'}", []
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append((tmp_path / "made.db").exists()))
    make_beside(url, lambda place: seen.extend([waits(place), waits(other)]))
    assert seen == [OFF, FULL]
    assert synced == [False]  # before it has its name
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["made.db", "other.db"]
    with sqlalchemy.create_engine(url).connect() as connection:
        assert connection.execute(sqlalchemy.text("pragma synchronous")).scalar_one() == FULL


def test_a_store_that_cannot_be_made_is_none(tmp_path: Path) -> None:
    def fail(place: str) -> None:
        waits(place)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        make_beside(f"sqlite:///{tmp_path / 'made.db'}", fail)
    assert not (tmp_path / "made.db").exists()
    assert waits(f"sqlite:///{tmp_path / 'another.db'}") == FULL
