"""Whether MLflow can record a study, found out before anything is created."""

from __future__ import annotations

import logging

from study.config.schema import StudyConfig
from study.core import addresses, stores
from study.core.errors import ConfigError
from study.core.scratch import scratch_folder
from study.record.quiet import quiet

ARTIFACTS = "mlruns"  # where MLflow keeps the files of runs whose store is a database


def check(given: str | None, config: StudyConfig) -> None:
    """Raise ConfigError where the store of that address, or MLflow's default, cannot record the study."""
    from study.core.mlflow_store import address

    quiet(logging.CRITICAL)  # MLflow writes tracebacks of what is said here in a line
    key, uri = address(given)
    exists = stores.check(key, uri, stores.MLFLOW)
    if addresses.place_of(uri) == addresses.place_of(config.storage.url):
        remedy = "write another, such as tracking.uri=sqlite:///mlflow.db"
        raise ConfigError(f"{key}={uri}", "is the search's own database, storage.url", remedy)
    location = _artifact_location(given, config.study.name) if exists else _new_artifacts(key, uri)
    if addresses.scheme_of(location) in addresses.FILES:
        _check_artifacts(str(addresses.path_of(location)))


def _artifact_location(given: str | None, name: str) -> str:
    """Where the study's experiment keeps files, or would; ConfigError where the experiment was deleted."""
    from study.core.mlflow_store import address, experiment_of, explain_refusals, open_client

    key, uri = address(given)
    client = open_client(given)
    with explain_refusals(key, uri):
        experiment = experiment_of(client, "study.name", name)
    if experiment is not None:
        return str(experiment.artifact_location)
    return ARTIFACTS if addresses.scheme_of(uri) in addresses.DATABASES else uri


def _new_artifacts(key: str, uri: str) -> str:
    """Where a store that is yet to be made will keep files; ConfigError where MLflow would refuse to make it."""
    from mlflow import MlflowClient

    from study.core.mlflow_store import explain_refusals

    if addresses.scheme_of(uri) not in addresses.FILES:
        return ARTIFACTS
    with explain_refusals(key, uri), scratch_folder() as folder:
        MlflowClient(tracking_uri=str(folder))
    return uri


def _check_artifacts(folder: str) -> None:
    try:
        stores.check_folder("artifact_location", folder)
    except ConfigError as error:
        remedy = "let MLflow write there, or choose a study.name whose experiment is yet to be made"
        raise ConfigError(error.value, error.rule, remedy) from error
