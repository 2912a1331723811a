"""Optuna's store: whether it can be used, opening it to write, and opening it so that nothing is written."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from study.config.schema import StudyConfig
from study.core import addresses, patience, stores
from study.core.creation import make_beside, one_at_a_time
from study.core.errors import ConfigError
from study.core.formatting import plural
from study.core.secrets import mask

if TYPE_CHECKING:
    from optuna.storages import RDBStorage
    from optuna.study._frozen import FrozenStudy

KEY = "storage.url"
IMPORTS = ("sqlalchemy.orm", "optuna.storages", "alembic.command")  # what opening a store takes
FINGERPRINT = "lora_study.fingerprint"  # the mark of this suite's studies
PAUSES = (0.1, 0.3, 1.0)  # seconds between tries to open a store that others may just be making


def check(config: StudyConfig) -> None:
    """Raise ConfigError where the search cannot be kept for a reason that can be known; creates nothing."""
    url = config.storage.url
    if stores.check(KEY, url, stores.OPTUNA):
        refuse_foreign(existing(url), "study.name", config.study.name)


def storage(url: str) -> RDBStorage:
    """The store at that address, which is made, whole or not at all, where there is none.

    Several processes may make it at once: then all but one meet what another has just made, and look again.
    """
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import DBAPIError

    # Readers such as a report may hold the file for a moment; waiting beats failing.
    arguments = {"connect_args": patience.PATIENT} if url.startswith("sqlite") else {}
    with _opening(url), one_at_a_time(url):
        make_beside(url, lambda place: RDBStorage(place, engine_kwargs=arguments).engine.dispose())
        for pause in PAUSES:
            try:
                return RDBStorage(url, engine_kwargs=arguments)
            except (DBAPIError, StorageInternalError):
                time.sleep(pause)
        return RDBStorage(url, engine_kwargs=arguments)


def existing(url: str) -> RDBStorage:
    """The store at that address to be read: nothing is made or changed in it; ConfigError where there is none."""
    from optuna.storages import RDBStorage

    stores.require(KEY, url, stores.OPTUNA)
    arguments: dict[str, Any] = {}
    if url.startswith("sqlite"):
        arguments["creator"] = partial(patience.connect_to_read, addresses.path_of(url))
    with _opening(url):
        return RDBStorage(url, engine_kwargs=arguments, skip_table_creation=True)


def study_in(kept: RDBStorage, name: str) -> FrozenStudy | None:
    """The store's study of that name, None where there is none."""
    return next((study for study in kept.get_all_studies() if study.study_name == name), None)


def refuse_foreign(kept: RDBStorage, key: str, name: str, directions: Sequence[str] | None = None) -> None:
    """Raise ConfigError where the store's study of that name bears no mark of this suite, and not for being new."""
    known = study_in(kept, name)
    if known is None or FINGERPRINT in known.user_attrs:
        return
    trials = len(kept.get_all_trials(known._study_id, deepcopy=False))
    others = directions is not None and [d.name.lower() for d in known.directions] != [*directions]
    if trials or known.user_attrs or others:
        rule = f"is another program's study in this store, with {plural(trials, 'trial')}"
        raise ConfigError(f"{key}={name}", rule, f"choose another {key}, or another {KEY}")


@contextmanager
def _opening(url: str) -> Iterator[None]:
    try:
        with stores.opening(KEY, url):
            yield
    except RuntimeError as error:  # Optuna's word for a store of another version
        older = "storage upgrade" in str(error)
        upgrade = shlex.join(["optuna", "storage", "upgrade", "--storage", mask(url)])
        which, remedy = ("an older", upgrade) if older else ("a newer", "pip install --upgrade optuna")
        raise ConfigError(f"{KEY}={url}", f"was made by {which} Optuna", f"write {remedy}, or another store") from error
