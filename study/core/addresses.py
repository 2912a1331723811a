"""What lies at a store's address, looked at without creating anything there."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "http": 80, "https": 443}
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
FILES = ("", "file")
PATIENCE = 5.0  # seconds for a server to answer


def scheme_of(url: str) -> str:
    """The address's scheme without its driver; of a path the empty one."""
    return url.partition(":")[0].partition("+")[0] if ":" in url else ""


def path_of(url: str) -> Path:
    """The file of a database of SQLite, or the folder of a store of files."""
    if scheme_of(url) in FILES:
        return Path(unquote(urlsplit(url).path) if url.startswith("file:") else url)
    from sqlalchemy import make_url

    return Path((make_url(url).database or "").removeprefix("file:"))


def place_of(url: str) -> object:
    """What identifies the store at an address: equal for two addresses of one store, however each is written."""
    if scheme_of(url) in ("sqlite", *FILES):
        return path_of(url).resolve()
    if scheme_of(url) not in DATABASES:
        return url
    from sqlalchemy import make_url

    parts = make_url(url)
    return parts.get_backend_name(), parts.host, parts.port or PORTS[scheme_of(url)], parts.database


def tables_at(url: str, writing: bool) -> frozenset[str] | None:
    """The names of the tables in a database, None where its file is yet to be made.

    Raises OSError, ImportError, sqlite3.Error or SQLAlchemyError where it cannot be opened, for `writing` if so asked.
    """
    from sqlalchemy import make_url

    parts = make_url(url)
    parts.get_dialect().import_dbapi()
    if scheme_of(url) == "sqlite":
        return _tables_in(path_of(url), writing)
    if parts.host:  # else a socket of this machine, or what the driver's own settings say
        connect(parts.host, parts.port or PORTS[scheme_of(url)])
    return _tables_on(url)


def _tables_in(path: Path, writing: bool) -> frozenset[str] | None:
    if str(path) in (".", ":memory:"):
        raise FileNotFoundError("a database in memory is gone when the command ends")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if writing:
        require_folder(path.parent)
    if not path.exists():
        return None
    if writing and not os.access(path, os.W_OK):
        raise PermissionError(f"the file {path} is read-only")
    # For reading alone, SQLite could not undo what a process left half written that was killed.
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as db:
        return frozenset(name for (name,) in db.execute("select name from sqlite_master where type = 'table'"))


def _tables_on(url: str) -> frozenset[str]:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    try:
        return frozenset(sqlalchemy.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def holds_runs(folder: Path, writing: bool) -> bool:
    """Whether MLflow's store of files lies in a folder; OSError where it is no folder, or one of other files."""
    if folder.exists():
        entries = list(folder.iterdir())
        if entries and not any((entry / "meta.yaml").is_file() for entry in entries):
            raise FileExistsError(f"the folder {folder} holds other files, and no runs of MLflow")
        return bool(entries)
    if writing:
        require_folder(folder.absolute().parent)
    return False


def connect(host: str, port: int) -> None:
    """Reach a server and hang up; OSError where it does not answer."""
    socket.create_connection((host, port), timeout=PATIENCE).close()


def require_folder(folder: Path) -> None:
    """Raise OSError where there is no folder, or one that cannot be written to."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"the folder {folder} is read-only")
