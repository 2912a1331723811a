"""Addresses of stores, held against the world before anything is created in them."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from study.errors import ConfigError, StudyError

DATABASES = ("postgresql", "mysql", "mssql")
PATIENCE = 5.0  # seconds for a server to answer


def check(key: str, url: str, others: tuple[str, ...] = ()) -> None:
    """Raise ConfigError where nothing can be opened at `url`; creates nothing. Of schemes in `others` all pass."""
    scheme = url.partition(":")[0].partition("+")[0] if ":" in url else ""
    if scheme not in ("sqlite", *DATABASES, *others):
        raise ConfigError(f"{key}={url}", "is no store's address", "write for example sqlite:///study.db")
    with opening(key, url):
        if scheme in ("http", "https"):
            _reach(url)
        elif scheme == "sqlite":
            _check_folder(Path(url.partition("///")[2]).parent)
        elif scheme in DATABASES:
            _connect(url)


def require(key: str, url: str, table: str) -> None:
    """Raise ConfigError where a store that should be there is not; opening an absent SQLite file would create it."""
    check(key, url)
    if not url.startswith("sqlite"):
        return
    path = Path(url.partition("///")[2])
    remedy = f"name the store with {key}=..., or run the study first"
    if not path.is_file():
        raise ConfigError(f"{key}={url}", "there is no such database", remedy)
    with opening(key, url), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        found = db.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone()
    if found is None:
        raise ConfigError(f"{key}={url}", "is a database that holds no studies", remedy)


def check_folder(key: str, folder: str) -> None:
    """Raise ConfigError where `folder` neither exists nor can be made, or cannot be written to; creates nothing."""
    with opening(key, folder):
        path = Path(folder).absolute()
        _check_folder(next(p for p in (path, *path.parents) if p.exists()))


@contextmanager
def opening(key: str, url: str) -> Iterator[None]:
    """Whatever a driver raises inside becomes one ConfigError about this address."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:  # each database driver has errors of its own
        first = next(iter(str(error).strip().splitlines()), "").rstrip(".") or type(error).__name__
        remedy = "write an address that exists and that you may write to"
        raise ConfigError(f"{key}={url}", f"cannot be opened ({first})", remedy) from error


def _reach(url: str) -> None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((parts.hostname or "", port), timeout=PATIENCE).close()


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"the folder {folder} is read-only")


def _connect(url: str) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    engine.connect().close()
    engine.dispose()
