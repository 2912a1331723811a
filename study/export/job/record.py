"""Figures of exports in MLflow, on the run of the trial; and the model itself, in MLflow's registry."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from study.core import stores
from study.core.errors import ConfigError, StudyError, first_line
from study.core.mlflow_store import TAG
from study.export.formats import get
from study.export.runtime.frame import WRITE
from study.export.runtime.manifest import Manifest
from study.record.quiet import quiet

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LOADER = "study.export.runtime.served"
LOADING = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "pandas", "platformdirs", "filelock")
ABSENT = "RESOURCE_DOES_NOT_EXIST"  # what MLflow says of a name that is free


class TrialRun:
    """The MLflow run of one trial of a study that has been recorded."""

    def __init__(self, uri: str | None, study: str, study_id: str, trial: int) -> None:
        from study.core.mlflow_store import address, explain_refusals, open_client

        quiet(logging.ERROR)
        self.client: MlflowClient = open_client(uri)
        with explain_refusals(*address(uri)):
            self.run_id, self.experiment_id, self.study_run_id = _run(self.client, study, study_id, trial)

    def log(self, label: str, figures: Mapping[str, float]) -> None:
        """Record the figures on the trial's run, as metrics ``export/<label>/<figure>``."""
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(f"export/{label}/{name}", value, now, 0) for name, value in figures.items()]
        self.client.log_batch(self.run_id, metrics=metrics)

    def attach_report(self, folder: Path) -> None:
        """Put the files of a report in the place of those that the study's run holds; StudyError where MLflow
        cannot."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.log_artifacts(self.study_run_id, str(folder), "report")
        except (OSError, MlflowException) as error:
            first = first_line(error)
            raise StudyError("the report", f"could not be attached ({first})", "mend MLflow's artifacts") from error

    def check_registry(self, name: str) -> None:
        """Raise ConfigError where MLflow would not register a model of that name, or could not keep its files."""
        import mlflow
        from mlflow.exceptions import MlflowException

        with _use_store_of(self.client):
            try:
                mlflow.MlflowClient().get_registered_model(name)
            except MlflowException as error:
                if error.error_code != ABSENT:
                    raise _refusal(name, error) from error
        _check_artifacts(self.client.get_experiment(self.experiment_id).artifact_location)

    def register(self, name: str, folder: Path, example: list[str], kind: str) -> str:
        """Log the export as an MLflow model of this run and register it; the new version's address.

        Raises StudyError where MLflow refuses.
        """
        from mlflow.exceptions import MlflowException

        with _use_store_of(self.client):
            try:
                return f"models:/{name}/{self._log_model(name, folder, example, kind)}"
            except MlflowException as error:
                raise _refusal(name, error) from error

    def _log_model(self, name: str, folder: Path, example: list[str], kind: str) -> str:
        """Log the folder as an MLflow model and register it under that name; the new version, as text."""
        import mlflow.pyfunc
        from mlflow.models import Model, ModelSignature
        from mlflow.types import ColSpec, Schema

        import study

        inputs: list[Any] = [ColSpec("string")]
        labels: list[Any] = [ColSpec("string", "label"), ColSpec("double", "probability")]
        outputs: list[Any] = [ColSpec("string", "written")] if kind == WRITE else labels
        # Else MLflow would file it in its default experiment, whichever the run's is.
        model = self.client.create_logged_model(self.experiment_id, "model", source_run_id=self.run_id)
        # Not mlflow.pyfunc.log_model: that would open the trial's run again, and end it now.
        logged = Model.log(
            None, mlflow.pyfunc, registered_model_name=name, run_id=self.run_id, model_id=model.model_id,
            loader_module=LOADER,
            data_path=str(folder), code_paths=[str(Path(study.__file__).parent)], input_example=example,
            signature=ModelSignature(Schema(inputs), Schema(outputs)),
            pip_requirements=requirements(Manifest.read(folder)),
        )  # fmt: skip
        return str(logged.registered_model_version)


def _refusal(name: str, error: Exception) -> StudyError:
    """The error for a model that MLflow does not register."""
    first = first_line(error)
    rule, remedy = f"MLflow does not register it ({first})", "choose another name with registered_name=..."
    return ConfigError(f"registered_name={name}", rule, remedy)


def _check_artifacts(location: str) -> None:
    """Raise ConfigError where an experiment's files lie in a folder that cannot be written to."""
    parts = urlparse(location)
    if parts.scheme in ("", "file"):
        stores.check_folder("MLflow's artifacts in", unquote(parts.path))


def _run(client: MlflowClient, study: str, study_id: str, trial: int) -> tuple[str, str, str]:
    """The ids of the trial's run, of its experiment and of its study's run; ConfigError where there is none."""
    from study.core.mlflow_store import experiment_of

    experiment = experiment_of(client, "study", study)
    number = f"tags.`{TAG}level` = 'trial' and tags.`{TAG}trial` = '{trial}'"
    same = client.search_runs([experiment.experiment_id], number) if experiment else []
    # Compared here: the mark holds the study's name, and what a user wrote never enters a query.
    runs = [run for run in same if run.data.tags.get(f"{TAG}study_id") == study_id]
    if not runs:
        rule = f"MLflow has no run of trial {trial} of {study}"
        remedy = "name the store with tracking.uri=... or repeat the study's command, which records what is missing"
        raise ConfigError("tracking", rule, remedy)
    return str(runs[0].info.run_id), str(runs[0].info.experiment_id), str(runs[0].data.tags["mlflow.parentRunId"])


@contextmanager
def _use_store_of(client: MlflowClient) -> Iterator[None]:
    """While open, MLflow's own functions use the client's store, and for registries the user's own where one is
    named."""
    import mlflow

    before: Any = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(client.tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


def requirements(manifest: Manifest) -> list[str]:
    """The packages that loading the export needs, pinned to the installed versions: every export's and its format's
    own."""
    from importlib.metadata import PackageNotFoundError, version

    roots = {module.partition(".")[0] for module in manifest.libraries}
    pinned = []
    for name in (*LOADING, *(name for name in get(manifest.format).packages if name in roots)):
        try:
            pinned.append(f"{name}=={version(name).partition('+')[0]}")
        except PackageNotFoundError:
            pinned.append(name)
    return pinned
