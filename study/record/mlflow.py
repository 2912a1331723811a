"""MLflow runs: study → trial → fold, written by the driver alone, in batches."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.config.values import flatten
from study.core import stores
from study.core.mlflow_store import TAG
from study.core.records import Adaptation, FoldResult, Provenance
from study.record.quiet import quiet
from study.record.runs import Runs
from study.record.tracker import Tracker

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

LONGEST = 5000  # characters of an error that a tag takes


class MlflowTracker(Tracker):
    """The MLflow experiment of the study's name, in the store at `uri`, or in MLflow's own default store."""

    unreported = ""

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri
        self.trials: dict[int, str] = {}
        self.folds: dict[tuple[int, int], str] = {}
        self.open: set[int] = set()
        self.closed: set[int] = set()
        self.adapted: set[int] = set()  # whose adaptation is recorded, which earlier versions did not do
        self.devices: set[str] = set()

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's client, which makes the store where there is none."""
        from mlflow.tracking import MlflowClient

        from study.core.mlflow_store import address, explain_refusals

        key, uri = address(self.uri)
        quiet(logging.WARNING)
        with explain_refusals(key, uri):
            return MlflowClient(tracking_uri=uri)

    def check_address(self) -> None:
        if self.uri:
            stores.check("tracking.uri", self.uri, stores.MLFLOW)

    def check(self, config: StudyConfig) -> None:
        from study.record import checks

        checks.check(self.uri, config)

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        from study.core.mlflow_store import address, explain_refusals

        self.config, self.study_id = config, provenance.tags[f"{TAG}study_id"]
        with explain_refusals(*address(self.uri)):
            self._begin(config, provenance, artifacts)

    def _begin(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        known = self.client.get_experiment_by_name(config.study.name)
        self.experiment = known.experiment_id if known else self.client.create_experiment(config.study.name)
        self.runs = Runs(self.client, self.experiment)
        self.root = self._adopt() or self.runs.create(
            config.study.name, "study", provenance.tags, params=_params(config, config.configuration)
        )
        for name, content in artifacts.items():
            self.client.log_dict(self.root, content, name)

    def _adopt(self) -> str | None:
        """Take over this study's runs, and none that others have put below them.

        A closed trial is whole, so that only the folds of open ones are looked through.
        """
        # Compared here: the mark holds the study's name, and what a user wrote never enters a query.
        studies = self.runs.of_level("study")
        root = next((run for run in studies if run.data.tags.get(f"{TAG}study_id") == self.study_id), None)
        if root is None:
            return None
        for run in self.runs.of_level("trial", root.info.run_id):
            number = int(run.data.tags[f"{TAG}trial"])
            self.trials[number] = run.info.run_id
            self.closed |= {number} if run.info.status in ("FINISHED", "FAILED") else set()
            self.adapted |= {number} if f"{TAG}adaptation" in run.data.tags else set()
        for number in self.trials.keys() - self.closed:
            self._adopt_folds(number)
        self.client.update_run(root.info.run_id, status="RUNNING")
        return str(root.info.run_id)

    def _adopt_folds(self, number: int) -> None:
        for run in self.runs.of_level("fold", self.trials[number]):
            if run.info.status == "RUNNING":
                self.client.delete_run(run.info.run_id)  # cut off half written; it is written again from the storage
            else:
                self.folds[number, int(run.data.tags[f"{TAG}fold"])] = run.info.run_id

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
        self.trials[number] = self.runs.create(label, "trial", tags, params, self.root)

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
            tags[f"{TAG}error"] = result.error[:LONGEST]
        run = self.runs.create(
            f"fold {result.fold}", "fold", tags, parent=self.trials[result.trial], start=result.started
        )
        self.folds[key] = run
        self.runs.log(run, [*((k, float(v), 0) for k, v in result.metrics.items()), *_curve(result)], when=result.ended)
        self.runs.close(run, "FAILED" if result.error else "FINISHED", result.ended)

    def _correct(self, run: str, result: FoldResult) -> None:
        """Close a fold's record as failed where it is: an earlier version took figures that are no numbers."""
        if result.error and self.client.get_run(run).info.status != "FAILED":
            self.client.set_tag(run, f"{TAG}error", result.error[:LONGEST])
            self.client.set_terminated(run, "FAILED")

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        if result.trial in self.closed:
            return
        run = self.trials[result.trial]
        self._note_devices(result)
        tags = {} if result.duplicate_of is None else {f"{TAG}duplicate_of": str(result.duplicate_of)}
        errors = [f.error for f in result.folds if f.error]
        if errors:
            tags[f"{TAG}error"] = errors[0][:LONGEST]
        self.runs.log(run, [(k, v, 0) for k, v in summary.items()], tags=tags)
        # Trials of a round are closed together; each ended with its own last fold.
        ended = max((f.ended for f in result.folds if f.ended), default=None)
        self.runs.close(run, "FINISHED" if result.complete else "FAILED", ended)
        self.open.discard(result.trial)
        self.closed.add(result.trial)

    def _note_devices(self, result: TrialResult) -> None:
        devices = {f.device for f in result.folds if f.score is not None}
        if devices - self.devices:
            self.devices |= devices
            self.client.set_tag(self.root, f"{TAG}device", ", ".join(sorted(self.devices)))

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        self.runs.log(self.trials[number], [(k, v, 0) for k, v in figures.items()])

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        if not any(name.startswith("reference/") for name in self.client.get_run(self.root).data.metrics):
            self.runs.log(self.root, [(name, value, 0) for name, value in compute().items()])

    def report(self, folder: Path) -> None:
        self.client.log_artifacts(self.root, str(folder), "report")

    def end(self, status: str) -> None:
        for number in self.open:
            self.client.set_terminated(self.trials[number], "KILLED")
        self.client.set_terminated(self.root, status)

    def command(self) -> str:
        return shlex.join(["mlflow", "ui", *(["--backend-store-uri", self.uri] if self.uri else [])])


def _curve(result: FoldResult) -> list[tuple[str, float, int]]:
    """What each epoch of a fold measured."""
    fields = ("loss", "distance", "score")
    return [(f"epoch/{field}", float(getattr(e, field)), e.epoch) for e in result.epochs for field in fields]


def _params(config: StudyConfig, configuration: Configuration) -> dict[str, str]:
    """Every parameter of the resolved configuration, without what the task is not told."""
    values = {**flatten(config), **flatten(configuration)}
    values = {k: v for k, v in values.items() if v is not None or not k.startswith("task.")}
    for group in ("launcher", "tracking"):  # whose arguments were keys of their own when they had names
        values |= {f"{group}.{key}": value for key, value in values.pop(group).items()}
    values |= {"space": json.dumps(config.space), "objectives": json.dumps(config.objectives)}
    return {key: str(value) for key, value in values.items()}
