"""What lies at a store's address, looked at without creating anything there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from study.core.patience import connect_to_read
from study.core.secrets import MASK

PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433, "http": 80, "https": 443}
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
FILES = ("", "file")
VERSION = "alembic_version"  # the table in which both programs keep a database's version
VERSIONS = f"select version_num from {VERSION}"
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


def with_password_of(url: str, others: Iterable[str | None]) -> str:
    """An address that was kept with its password masked, with the one that another has for its user and server.

    Where none has, as it is.
    """
    from sqlalchemy import make_url

    if not is_masked(url):
        return url
    parts = make_url(url)
    for other in others:
        if other and not is_masked(other) and scheme_of(other) in PORTS:
            known = make_url(other)
            if (known.username, known.host, known.port) == (parts.username, parts.host, parts.port):
                return parts.set(password=known.password).render_as_string(hide_password=False)
    return url


def is_masked(url: str) -> bool:
    """Whether the address was kept without its password, so that nothing can be reached there by it."""
    return f":{MASK}@" in url or f"={MASK}" in url


def tables_at(url: str, writing: bool) -> frozenset[str] | None:
    """The names of the tables in a database, None where its file is yet to be made.

    The table of its version is left out while it is empty: that is filled last, when all that is made is whole.

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
    with closing(connect_to_read(path)) as db:
        names = frozenset(name for (name,) in db.execute("select name from sqlite_master where type = 'table'"))
        version = VERSION in names and db.execute(VERSIONS).fetchone()
        return names if version else names - {VERSION}


def _tables_on(url: str) -> frozenset[str]:
    import sqlalchemy

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        names = frozenset(sqlalchemy.inspect(connection).get_table_names())
        version = VERSION in names and connection.execute(sqlalchemy.text(VERSIONS)).first()
        return names if version else names - {VERSION}


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
