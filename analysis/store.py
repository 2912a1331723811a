"""Where MLflow's runs lie, checked before MLflow is asked: opening an absent store would create it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from analysis.errors import ReportError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_REMEDY = "name the store with tracking.uri=... or MLFLOW_TRACKING_URI, or run the study first"


def open_client(tracking_uri: str | None = None) -> MlflowClient:
    """A client of `tracking_uri`, or of MLflow's own default store; ReportError where there is no store."""
    import mlflow

    uri = tracking_uri or mlflow.get_tracking_uri()
    if uri.startswith("sqlite:"):
        _require_database(uri)
    elif urlparse(uri).scheme in ("", "file"):
        _require_folder(uri)
    return mlflow.MlflowClient(tracking_uri=uri)


def _require_database(uri: str) -> None:
    path = Path(unquote(uri.partition(":///")[2].partition("?")[0]))
    if not path.is_file():
        raise ReportError(f"tracking.uri={uri}", "there is no such database", _REMEDY)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
            found = db.execute("select 1 from sqlite_master where name = 'experiments'").fetchone()
    except sqlite3.DatabaseError as error:
        raise ReportError(f"tracking.uri={uri}", f"is not a readable database ({error})", _REMEDY) from error
    if found is None:  # such as Optuna's database: MLflow would add its tables to it
        raise ReportError(f"tracking.uri={uri}", "is a database without MLflow's tables", _REMEDY)


def _require_folder(uri: str) -> None:
    path = Path(unquote(urlparse(uri).path))
    if not path.is_dir():
        raise ReportError(f"tracking.uri={uri}", "there is no such folder", _REMEDY)
