"""MLflow runs: study → trial → fold, written by the driver alone, in batches, without its waiting for them."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig, flatten, plain
from study.core import addresses, stores
from study.core.errors import ConfigError
from study.core.records import Adaptation, FoldResult, Provenance

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

T = TypeVar("T")
PARAMS_PER_CALL = 100  # MLflow's own limits
METRICS_PER_CALL = 1000
RUNS_PER_PAGE = 5000  # each page sorts all matches, so few large ones beat many small ones
WAITING = 1000  # calls that may wait to be written; then their caller waits
TAG = "lora_study."
ARTIFACTS = "mlruns"  # where MLflow keeps the files of runs whose store is a database


class Tracker:
    """A record of the study. This one keeps none; guarantees of every tracker:

    a call with the same trial or fold twice leaves one record; statuses tell what happened.
    """

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        """Open the study's record, or go on with it."""

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        """Open a trial's record."""

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        """Record what an open or closed trial's configuration comes to on its model, once."""

    def fold(self, result: FoldResult) -> None:
        """Record a finished fold."""

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        """Close a trial's record with its means and standard errors."""

    def measured(self, number: int, metrics: dict[str, float]) -> None:
        """Add what was measured of a trial after the search: its held-out score, its exports."""

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        """Record what needs no training; it is computed where it is not recorded yet."""

    def report(self, folder: Path) -> None:
        """Attach the report."""

    def end(self, status: str) -> None:
        """Close the record: FINISHED, KILLED or FAILED; open trials are closed as KILLED."""


class Behind(Tracker):
    """Calls another tracker from a thread, in order, so that a fold costs the driver no database. Guarantees:

    when :meth:`end` returns, every call before it has been made; an error of one is raised by the next call or by
    :meth:`end`, once, and no call after the one that failed is made, so that nothing is recorded with a gap before it.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.calls: Queue[Callable[[], None] | None] = Queue(WAITING)
        self.error: BaseException | None = None
        self.broken = False
        self.thread = Thread(target=self._work, name="tracking", daemon=True)

    def _work(self) -> None:
        while (call := self.calls.get()) is not None:
            if self.broken:
                continue  # goes on taking, or a full queue would hold the driver for ever
            try:
                call()
            except BaseException as error:  # noqa: BLE001 -- raised again in the driver's thread
                self.error, self.broken = error, True

    def _later(self, call: Callable[..., None], *arguments: Any) -> None:
        self._raise()
        self.calls.put(partial(call, *arguments))

    def _raise(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        """At once: whether the record can be opened is known before anything trains."""
        self.tracker.start(config, provenance, artifacts)
        self.thread.start()

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        self._later(self.tracker.trial, number, configuration, label, baseline)

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        self._later(self.tracker.adaptation, number, adaptation)

    def fold(self, result: FoldResult) -> None:
        self._later(self.tracker.fold, result)

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        self._later(self.tracker.finish_trial, result, summary)

    def measured(self, number: int, metrics: dict[str, float]) -> None:
        self._later(self.tracker.measured, number, metrics)

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        self._later(self.tracker.references, compute)

    def report(self, folder: Path) -> None:
        """At once; the report is made of an ended record."""
        self.tracker.report(folder)

    def end(self, status: str) -> None:
        """Wait for what is left to be written, then close; a record with a gap has FAILED."""
        self.calls.put(None)
        self.thread.join()
        try:
            self.tracker.end("FAILED" if self.broken else status)
        finally:
            self._raise()


class MlflowTracker(Tracker):
    """The MLflow experiment of the study's name. A resumed study goes on in its own runs."""

    def __init__(self, uri: str | None) -> None:
        from mlflow.tracking import MlflowClient

        from study.core.mlflow_store import address, answering

        self.key, self.uri = address(uri)
        quiet(logging.WARNING)
        with answering(self.key, self.uri):
            self.client: MlflowClient = MlflowClient(tracking_uri=self.uri)
        self.trials: dict[int, str] = {}
        self.folds: dict[tuple[int, int], str] = {}
        self.open: set[int] = set()
        self.closed: set[int] = set()
        self.adapted: set[int] = set()  # whose adaptation is recorded, which earlier versions did not do
        self.devices: set[str] = set()

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        from study.core.mlflow_store import answering

        self.config, self.study_id = config, provenance.tags[f"{TAG}study_id"]
        with answering(self.key, self.uri):
            self._begin(config, provenance, artifacts)

    def _begin(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        found = self.client.get_experiment_by_name(config.study.name)
        self.experiment = found.experiment_id if found else self.client.create_experiment(config.study.name)
        self.root = self._adopt() or self._create(
            config.study.name, "study", provenance.tags, params=_params(config, config.configuration)
        )
        for name, content in artifacts.items():
            self.client.log_dict(self.root, content, name)

    def _adopt(self) -> str | None:
        """Take over this study's runs, and none that others have put below them.

        A closed trial is whole, so that only the folds of open ones are looked through.
        """
        # Compared here: the mark holds the study's name, and what a user wrote never enters a query.
        studies = self._runs("study")
        root = next((run for run in studies if run.data.tags.get(f"{TAG}study_id") == self.study_id), None)
        if root is None:
            return None
        for run in self._runs("trial", root.info.run_id):
            number = int(run.data.tags[f"{TAG}trial"])
            self.trials[number] = run.info.run_id
            self.closed |= {number} if run.info.status in ("FINISHED", "FAILED") else set()
            self.adapted |= {number} if f"{TAG}adaptation" in run.data.tags else set()
        for number in self.trials.keys() - self.closed:
            self._adopt_folds(number)
        self.client.update_run(root.info.run_id, status="RUNNING")
        return str(root.info.run_id)

    def _adopt_folds(self, number: int) -> None:
        for run in self._runs("fold", self.trials[number]):
            if run.info.status == "RUNNING":
                self.client.delete_run(run.info.run_id)  # cut off half written; it is written again from the storage
            else:
                self.folds[number, int(run.data.tags[f"{TAG}fold"])] = run.info.run_id

    def _runs(self, level: str, parent: str | None = None) -> Iterator[Any]:
        below = f" and tags.`mlflow.parentRunId` = '{parent}'" if parent else ""
        return self._search(f"tags.`{TAG}level` = '{level}'{below}")

    def _search(self, query: str) -> Iterator[Any]:
        token = None
        while True:
            page = self.client.search_runs([self.experiment], query, max_results=RUNS_PER_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _create(
        self,
        name: str,
        level: str,
        tags: dict[str, str],
        params: dict[str, str] | None = None,
        parent: str | None = None,
        start: float | None = None,
    ) -> str:
        tree = {"mlflow.parentRunId": parent} if parent else {}
        run = self.client.create_run(
            self.experiment,
            run_name=name,
            tags={f"{TAG}level": level, **tags, **tree},
            start_time=int((start or time.time()) * 1000),
        )
        self._log(run.info.run_id, params=params or {})
        return str(run.info.run_id)

    def _log(
        self,
        run: str,
        metrics: Iterable[tuple[str, float, int]] = (),
        params: dict[str, str] | None = None,
        when: float | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        stamp = int((when or time.time()) * 1000)
        labels = [RunTag(k, v) for k, v in (tags or {}).items()]
        figures = [Metric(name, value, stamp, step) for name, value, step in metrics if math.isfinite(value)]
        settings = [Param(k, v) for k, v in (params or {}).items()]
        for some in _chunks(settings, PARAMS_PER_CALL):
            self.client.log_batch(run, params=some)
        for i, part in enumerate(_chunks(figures, METRICS_PER_CALL // 2)):
            self.client.log_batch(run, metrics=part, tags=labels if i == 0 else [])
        if labels and not figures:
            self.client.log_batch(run, tags=labels)

    def _tags(self, number: int) -> dict[str, str]:
        return {f"{TAG}study_id": self.study_id, f"{TAG}trial": str(number)}

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        if number in self.closed:
            return
        self.open.add(number)
        if number in self.trials:
            self.client.update_run(self.trials[number], status="RUNNING")
            return
        tags = {**self._tags(number), f"{TAG}label": label, **({f"{TAG}baseline": baseline} if baseline else {})}
        params = _params(self.config, configuration)
        self.trials[number] = self._create(label, "trial", tags, params, self.root)

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        if number not in self.adapted:
            self.client.set_tag(self.trials[number], f"{TAG}adaptation", adaptation.to_json())
            self.adapted.add(number)

    def fold(self, result: FoldResult) -> None:
        key = (result.trial, result.fold)
        if result.trial in self.closed:
            return
        if key in self.folds:
            self._correct(self.folds[key], result)
            return
        tags = {**self._tags(result.trial), f"{TAG}fold": str(result.fold), f"{TAG}device": result.device}
        if result.error:
            tags[f"{TAG}error"] = result.error[:5000]
        name = f"fold {result.fold}"
        started = result.started or time.time()
        run = self._create(name, "fold", tags, parent=self.trials[result.trial], start=started)
        self.folds[key] = run
        curve = [
            (f"epoch/{field}", float(getattr(e, field)), e.epoch)
            for e in result.epochs
            for field in ("loss", "distance", "score")
        ]
        self._log(run, [*((k, float(v), 0) for k, v in result.metrics.items()), *curve], when=result.ended or None)
        ended = int((result.ended or time.time()) * 1000)
        self.client.set_terminated(run, "FAILED" if result.error else "FINISHED", end_time=ended)

    def _correct(self, run: str, result: FoldResult) -> None:
        """Close a fold's record as failed where it is: an earlier version took figures that are no numbers."""
        if result.error and self.client.get_run(run).info.status != "FAILED":
            self.client.set_tag(run, f"{TAG}error", result.error[:5000])
            self.client.set_terminated(run, "FAILED")

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        if result.trial in self.closed:
            return
        run = self.trials[result.trial]
        devices = sorted({f.device for f in result.folds if f.score is not None} - self.devices)
        if devices:
            self.devices |= {*devices}
            self.client.set_tag(self.root, f"{TAG}device", ", ".join(sorted(self.devices)))
        tags = {} if result.duplicate_of is None else {f"{TAG}duplicate_of": str(result.duplicate_of)}
        errors = [f.error for f in result.folds if f.error]
        if errors:
            tags[f"{TAG}error"] = errors[0][:5000]
        self._log(run, [(k, v, 0) for k, v in summary.items()], tags=tags)
        # Trials of a round are closed together; each ended with its own last fold.
        ended = max((f.ended for f in result.folds if f.ended), default=None)
        status = "FINISHED" if result.complete else "FAILED"
        self.client.set_terminated(run, status, end_time=int(1000 * (ended or time.time())))
        self.open.discard(result.trial)
        self.closed.add(result.trial)

    def measured(self, number: int, metrics: dict[str, float]) -> None:
        self._log(self.trials[number], [(k, v, 0) for k, v in metrics.items()])

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        if not any(name.startswith("reference/") for name in self.client.get_run(self.root).data.metrics):
            self._log(self.root, [(name, value, 0) for name, value in compute().items()])

    def report(self, folder: Path) -> None:
        self.client.log_artifacts(self.root, str(folder), "report")

    def end(self, status: str) -> None:
        for number in self.open:
            self.client.set_terminated(self.trials[number], "KILLED")
        self.client.set_terminated(self.root, status)


def quiet(level: int) -> None:
    """Let MLflow say nothing below that level, show no bars, and tell nobody that a study runs."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # The first contact creates the store's tables, and says so in a dozen lines that help nobody.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(level)


def check(config: StudyConfig) -> None:
    """Raise ConfigError where MLflow cannot record the study for a reason that can be known; creates nothing."""
    if config.tracking.name == "off":
        return
    from study.core.mlflow_store import address

    quiet(logging.CRITICAL)  # MLflow writes tracebacks of what is said here in a line
    key, uri = address(config.tracking.uri)
    exists = stores.check(key, uri, stores.MLFLOW)
    if addresses.place_of(uri) == addresses.place_of(config.storage.url):
        remedy = "write another, such as tracking.uri=sqlite:///mlflow.db"
        raise ConfigError(f"{key}={uri}", "is the search's own database, storage.url", remedy)
    location = _artifact_location(config) if exists else _new_artifacts(key, uri)
    if addresses.scheme_of(location) in addresses.FILES:
        _check_artifacts(str(addresses.path_of(location)))


def _artifact_location(config: StudyConfig) -> str:
    """Where the study's experiment keeps files, or would; ConfigError where the experiment was deleted."""
    from study.core.mlflow_store import address, answering, experiment_of, open_client

    key, uri = address(config.tracking.uri)
    client = open_client(config.tracking.uri)
    with answering(key, uri):
        experiment = experiment_of(client, "study.name", config.study.name)
    if experiment is not None:
        return str(experiment.artifact_location)
    return ARTIFACTS if addresses.scheme_of(uri) in addresses.DATABASES else uri


def _new_artifacts(key: str, uri: str) -> str:
    """Where a store that is yet to be made will keep files; ConfigError where MLflow would refuse to make it."""
    from mlflow import MlflowClient

    from study.core.mlflow_store import answering

    if addresses.scheme_of(uri) not in addresses.FILES:
        return ARTIFACTS
    with answering(key, uri), TemporaryDirectory() as folder:
        MlflowClient(tracking_uri=folder)
    return uri


def _check_artifacts(folder: str) -> None:
    try:
        stores.check_folder("artifact_location", folder)
    except ConfigError as error:
        remedy = "let MLflow write there, or choose a study.name whose experiment is yet to be made"
        raise ConfigError(error.value, error.rule, remedy) from error


def make(config: StudyConfig) -> Tracker:
    """The tracker that `tracking.name` asks for."""
    return Tracker() if config.tracking.name == "off" else Behind(MlflowTracker(config.tracking.uri))


def _params(config: StudyConfig, configuration: Configuration) -> dict[str, str]:
    """Every parameter of the resolved configuration, without what the task is not told; `lam` is lambda for readers."""
    values = {**flatten(config), **flatten(configuration)}
    values = {k: v for k, v in values.items() if v is not None or not k.startswith("task.")}
    values |= {"space": json.dumps(config.space), "objectives": json.dumps(config.objectives)}
    return {k.replace("method.lam", "method.lambda"): str(v) for k, v in values.items()}


def resolved(config: StudyConfig) -> dict[str, Any]:
    """The configuration as the artifact config.yaml holds it."""
    return plain(config)


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part
