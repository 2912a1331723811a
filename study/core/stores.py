"""Addresses of stores, held against the world before anything is created in them."""

from __future__ import annotations

import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from study.core.addresses import (
    DATABASES,
    FILES,
    PORTS,
    VERSION,
    connect,
    holds_runs,
    path_of,
    require_folder,
    scheme_of,
    tables_at,
)
from study.core.creation import one_at_a_time
from study.core.errors import ConfigError
from study.core.secrets import mask_those_of

PAUSES = (0.1, 0.3, 1.0)  # seconds between looks at a database that another process may just be making
DRIVERS = {  # packages that are not called as their modules
    "psycopg": "'psycopg[binary]'",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
}
NO_ADDRESS, EXAMPLE = "is no store's address", "write for example sqlite:///study.db"
HALF = "delete it if nothing was ever kept in it, or write another address, such as sqlite:///study.db"


@dataclass(frozen=True)
class Program:
    """A program that keeps stores: the tables that its databases have, and what it opens beside databases.

    Where who made its tables was killed, it goes on from the `tables` alone, and from more of them if it `finishes`.
    """

    name: str
    tables: frozenset[str]
    schemes: tuple[str, ...] = ()
    finishes: bool = False


OPTUNA = Program("Optuna", frozenset({"studies", "trials", "trial_values", "version_info", VERSION}), finishes=True)
MLFLOW_SCHEMES = (*FILES, "http", "https", "databricks", "databricks-uc", "uc")
MLFLOW = Program("MLflow", frozenset({"experiments", "runs", "metrics", "params", "tags", VERSION}), MLFLOW_SCHEMES)


def check(key: str, url: str, program: Program) -> bool:
    """Whether the program has a store at `url` already; creates nothing.

    Raises ConfigError where none can be opened or made for writing, or where another program's data lie.
    """
    return _look(key, url, program, writing=True)


def require(key: str, url: str, program: Program) -> None:
    """Raise ConfigError where the program has no store at `url`; opening an absent one would create it."""
    if not _look(key, url, program, writing=False):
        remedy = f"name the store with {key}=..., or run the study first"
        absent = "folder of runs" if scheme_of(url) in FILES else "database"
        raise ConfigError(f"{key}={url}", f"there is no such {absent}", remedy)


def check_folder(key: str, folder: str) -> None:
    """Raise ConfigError where `folder` neither exists nor can be made, or cannot be written to; creates nothing."""
    with opening(key, folder):
        path = Path(folder).absolute()
        require_folder(next(p for p in (path, *path.parents) if p.exists()))


@contextmanager
def opening(key: str, url: str) -> Iterator[None]:
    """What a file system, a network or a database refuses inside becomes one ConfigError about this address."""
    try:
        yield
    except _refusals() as error:
        rule, remedy = _explain(error)
        raise ConfigError(f"{key}={url}", mask_those_of(url, rule), remedy) from error


def _look(key: str, url: str, program: Program, writing: bool) -> bool:
    scheme = scheme_of(url)
    if scheme not in (*DATABASES, *program.schemes):
        raise ConfigError(f"{key}={url}", NO_ADDRESS, EXAMPLE)
    try:
        with opening(key, url):
            if scheme in DATABASES:
                return _is_of(key, url, program, _complete_tables(key, url, program, writing))
            if scheme in FILES:
                return holds_runs(path_of(url), writing)
            if scheme in PORTS:
                parts = urlsplit(url)
                connect(parts.hostname or "", parts.port or PORTS[scheme])
    except ValueError as error:  # a port that is no number, a host that is none
        rule = mask_those_of(url, f"{NO_ADDRESS} ({error})")
        raise ConfigError(f"{key}={url}", rule, EXAMPLE) from error
    return True


def _complete_tables(key: str, url: str, program: Program, writing: bool) -> frozenset[str] | None:
    """The tables of a database, None where it is yet to be made, or to be finished: who made it has been killed.

    Where some of the program's tables are there without the others, it may just be being made: it is looked at again,
    when who makes it is through. Raises ConfigError where that was killed and the program cannot go on from there.
    """
    half: frozenset[str] = frozenset()
    for pause in (0.0, *PAUSES):
        time.sleep(pause)
        tables = tables_at(url, writing)
        if not tables or program.tables <= tables or not program.tables & tables:
            return tables
        half = tables
        with one_at_a_time(url):
            pass  # the suite's own commands make stores in there; to stay inside would keep them from it
    if not program.tables - {VERSION} <= half:
        return half
    if not program.finishes and half != program.tables - {VERSION}:
        raise ConfigError(f"{key}={url}", f"was left half made: {program.name} was stopped as it made its tables", HALF)
    return None


def _is_of(key: str, url: str, program: Program, tables: frozenset[str] | None) -> bool:
    if tables and not program.tables <= tables:
        rule = f"is another program's database, without the tables of {program.name}"
        raise ConfigError(f"{key}={url}", rule, "write an address of its own, such as sqlite:///study.db")
    return bool(tables)


def _refusals() -> tuple[type[Exception], ...]:
    from sqlalchemy.exc import SQLAlchemyError

    return OSError, ImportError, sqlite3.Error, SQLAlchemyError


def _explain(error: Exception) -> tuple[str, str]:
    """The rule that an address breaks by this error of opening it, and the remedy."""
    from sqlalchemy.exc import ArgumentError

    said = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error).strip()
    first = next(iter(said.splitlines()), "").rstrip(".") or type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        package = DRIVERS.get(str(error.name), error.name)
        return f"needs the driver {error.name}, which is not installed", f"write pip install {package}"
    if isinstance(error, ArgumentError):
        return f"{NO_ADDRESS} ({first})", EXAMPLE
    if isinstance(error, (ConnectionError, TimeoutError, socket.gaierror)):
        return f"is not answered ({first})", "start its server, or write the address of one that runs"
    code = getattr(getattr(error, "orig", None) or error, "sqlite_errorname", None)
    if code == "SQLITE_NOTADB":
        return "is a file, and no database of SQLite", "write another address, such as sqlite:///study.db"
    if code == "SQLITE_BUSY":
        return "is locked by another program, for longer than can be waited", "let that program end"
    return f"cannot be opened ({first})", "write an address that exists and that you may write to"
