"""MLflow's store, looked at before MLflow is asked: opening an absent or older one would make or change it."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from study.core import addresses, stores
from study.core.errors import ConfigError, first_line
from study.core.secrets import mask_those_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

PAUSES = (0.3, 1.0, 2.0)  # seconds for another process to finish making a database
TAG = "lora_study."  # what the tags of this suite's runs begin with
LEVEL = f"{TAG}level"  # the tag that says which of study, trial and fold a run is
REPLACES = f"{TAG}replaces"  # the tag of a trial that took the place of a failed one, which counts no more
STATE = f"{TAG}state"  # of a trial: pruned or infeasible, complete where it has all its folds and is neither
TABLES = "mlflow.loggedArtifacts"  # the tag by which MLflow's pages find a run's tables; it is set when they are there
RUNS_PER_PAGE = 5000  # each page sorts all matches, so few large ones beat many small ones
KEY, VARIABLE = "tracking.uri", "MLFLOW_TRACKING_URI"


def address(given: str | None) -> tuple[str, str]:
    """Who names MLflow's store, the key or the environment, and its address: the given one, or MLflow's own default."""
    import mlflow

    uri = given or mlflow.get_tracking_uri()
    key = KEY if given or uri != os.environ.get(VARIABLE) else VARIABLE
    if not given and key == KEY and uri.startswith("sqlite:"):
        # MLflow quotes the path of its default and makes, beside the folder "my work", an empty "my%20work".
        plain = f"sqlite:///{addresses.path_of(uri)}"
        uri = plain if not set("%?") & set(plain) else uri
    return key, uri


def open_client(given: str | None = None) -> MlflowClient:
    """A client of the store that :func:`address` finds; creates nothing.

    Raises ConfigError where there is no store, or one that this version of MLflow does not read.
    """
    from mlflow import MlflowClient

    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one line for each file that is read
    key, uri = address(given)
    stores.require(key, uri, stores.MLFLOW)
    with explain_refusals(key, uri):
        if addresses.scheme_of(uri) in addresses.DATABASES:
            _check_schema(key, uri)
        return MlflowClient(tracking_uri=uri)


def experiment_of(client: MlflowClient, key: str, name: str) -> Experiment | None:
    """The experiment of that name, None where there is none; ConfigError where it was deleted."""
    experiment = client.get_experiment_by_name(name)
    if experiment is not None and experiment.lifecycle_stage == "deleted":
        remedy = f"write mlflow experiments restore --experiment-id {experiment.experiment_id}, or choose another name"
        raise ConfigError(f"{key}={name}", "is an MLflow experiment that was deleted", remedy)
    return experiment


def runs_of_level(client: MlflowClient, experiment: str, level: str, parent: str | None = None) -> Iterator[Run]:
    """The runs of an experiment that are a study, trial or fold, as `level` says, below that run where one is given.

    The newest comes first.
    """
    below = f" and tags.`mlflow.parentRunId` = '{parent}'" if parent else ""
    query, token = f"tags.`{LEVEL}` = '{level}'{below}", None
    while True:
        page = client.search_runs([experiment], query, max_results=RUNS_PER_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


@contextmanager
def explain_refusals(key: str, uri: str) -> Iterator[None]:
    """What MLflow, or the disk of its files, refuses inside becomes one ConfigError in its own words."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        first = first_line(error).split(". ")[0].rstrip(".")
        rule = mask_those_of(uri, f"is refused by MLflow ({first})")
        raise ConfigError(f"{key}={uri}", rule, _remedy(uri)) from error
    except OSError as error:
        rule = mask_those_of(uri, f"keeps no files ({first_line(error)})")
        raise ConfigError(f"{key}={uri}", rule, "let MLflow write there, and make room, or write another") from error


def _remedy(uri: str) -> str:
    if addresses.scheme_of(uri) not in addresses.FILES:
        return "mend it there, or write another store, such as tracking.uri=sqlite:///mlflow.db"
    folder = addresses.path_of(uri)
    if not folder.is_dir():
        return "write tracking.uri=sqlite:///mlflow.db"
    target = f"sqlite:///{folder.absolute().parent / 'migrated.db'}"
    move = shlex.join(["mlflow", "migrate-filestore", "--source", str(folder), "--target", target])
    return f"write {move} and then {shlex.quote(f'{KEY}={target}')}, or another store"


def _revision(uri: str) -> str | None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri)
    try:
        with engine.connect() as connection:
            return connection.execute(sqlalchemy.text("select version_num from alembic_version")).scalar()
    finally:
        engine.dispose()


@cache  # it imports every migration that MLflow has ever had
def _revisions() -> tuple[str | None, frozenset[str]]:
    """The revision of a database that this MLflow makes, and all those that it knows."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    script = ScriptDirectory.from_config(_get_alembic_config(db_url=""))
    return script.get_current_head(), frozenset(revision.revision for revision in script.walk_revisions())


def _check_schema(key: str, uri: str) -> None:
    """Raise ConfigError where another version of MLflow made the database: to open an older one would change it."""
    current, known = _revisions()
    for pause in (*PAUSES, 0.0):
        with stores.opening(key, uri):
            stored = _revision(uri)
        if stored == current:
            return
        time.sleep(pause)
    upgrade = shlex.join(["mlflow", "db", "upgrade", uri])
    which, remedy = ("an older", upgrade) if stored in known else ("a newer", "pip install --upgrade mlflow")
    raise ConfigError(f"{key}={uri}", f"was made by {which} MLflow", f"write {remedy}, or another store")
