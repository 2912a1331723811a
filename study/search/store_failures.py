"""What a study's store refuses in the middle, in a line that says that the same command goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from study.config.schema import StudyConfig
from study.core.addresses import path_of, scheme_of
from study.core.errors import StudyError, first_line
from study.core.secrets import mask_those_of
from study.search.storage import KEY

P = ParamSpec("P")
T = TypeVar("T")
GOES_ON = "finished folds are kept, and the same command goes on from here"
# What SQLite says, in the words of its error codes: the rule that is broken, and the remedy.
SAID = {
    "SQLITE_BUSY": ("is locked by another program, for longer than can be waited", "let that program end"),
    "SQLITE_FULL": ("has no room left in {}", "make room there"),
    "SQLITE_READONLY": ("cannot be written to in {}", "let this user write there"),
}


class StoreError(StudyError):
    """A study's store that does not take what it is given."""


@contextmanager
def explain_failures(url: str) -> Iterator[None]:
    """What the store at `url` refuses inside becomes one StoreError."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error) as error:
        rule, remedy = _explain(error, url)
        raise StoreError(f"{KEY}={url}", mask_those_of(url, rule), f"{remedy}: {GOES_ON}") from error


def explaining_failures(work: Callable[Concatenate[StudyConfig, P], T]) -> Callable[Concatenate[StudyConfig, P], T]:
    """The same work on a study, inside of :func:`explain_failures` of its store."""

    @wraps(work)
    def explain(config: StudyConfig, /, *arguments: P.args, **named: P.kwargs) -> T:
        with explain_failures(config.storage.url):
            return work(config, *arguments, **named)

    return explain


def _explain(error: BaseException, url: str) -> tuple[str, str]:
    """The rule that is broken, and the remedy."""
    cause = _cause(error)
    code = getattr(cause, "sqlite_errorname", None) or ""
    for name, (rule, remedy) in SAID.items():
        if code.startswith(name):
            folder = path_of(url).absolute().parent if scheme_of(url) == "sqlite" else Path()
            return rule.format(folder), remedy
    return f"has failed ({first_line(cause)})", "mend it, or start its server"


def _cause(error: BaseException) -> BaseException:
    """What the database's driver said, below what SQLAlchemy and Optuna made of it."""
    while (below := getattr(error, "orig", None) or error.__cause__) is not None:
        error = below
    return error
