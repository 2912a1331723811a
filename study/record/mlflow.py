"""MLflow runs: study → trial → fold, written by the driver alone, in batches."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core import answer_tables, mlflow_pages, stores
from study.core.answer_tables import Table
from study.core.conclusion import read_conclusion
from study.core.figures import ERROR
from study.core.mlflow_notes import NOTE, show_conclusion
from study.core.mlflow_store import TABLES, TAG
from study.core.records import Adaptation, FoldResult, Provenance
from study.record.earlier import Earlier, read_earlier
from study.record.fold_figures import fold_figures
from study.record.inputs import data_input, source_tags
from study.record.names import digits, fold_name, trial_name
from study.record.notes import trial_note
from study.record.parameters import searched_keys, study_parameters, trial_parameters
from study.record.quiet import quiet
from study.record.runs import Runs
from study.record.tags import LONGEST, fold_tags, outcome_tags
from study.record.tracker import Tracker

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@dataclass
class Coming:
    """A trial that has been told and whose run begins with its first fold."""

    configuration: Configuration
    label: str
    baseline: str | None
    adaptation: Adaptation | None = None


class MlflowTracker(Tracker):
    """The MLflow experiment of the study's name, in the store at `uri`, or in MLflow's own default store.

    A trial's run is made with its first fold, since MLflow keeps the start that a run was made with. Of folds that
    train at once, another may have begun a little earlier.
    """

    unreported = ""

    def __init__(self, uri: str | None = None) -> None:
        self.uri = uri
        self.known = Earlier()
        self.coming: dict[int, Coming] = {}
        self.labels: dict[int, str] = {}
        self.open: set[int] = set()
        self.devices: set[str] = set()

    @property
    def trials(self) -> dict[int, str]:
        """The ids of the trials' runs."""
        return self.known.trials

    @property
    def root(self) -> str:
        """The id of the study's run."""
        return self.known.root

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
        self.runs, self.width = Runs(self.client, self.experiment), digits(config.study.trials)
        self.metric, self.source = provenance.tags.get(f"{TAG}metric", "score"), source_tags(provenance.tags)
        self.searched = searched_keys(config)
        self.known = read_earlier(self.runs, self.study_id, self.width)
        if not self.known.root:
            self.known.parameters = study_parameters(config)
            tags = {**provenance.tags, **self.source}
            self.known.root = self.runs.create(config.study.name, "study", tags, self.known.parameters)
        self._show_trials_best_first()
        if data := data_input(config.task, provenance.tags):
            self.client.log_inputs(self.root, [data])
        for name, content in artifacts.items():
            self.client.log_dict(self.root, content, name)

    def _show_trials_best_first(self) -> None:
        """Give MLflow's pages a view of the study's trials."""
        figures = ["score", f"score{ERROR}", *(name for name in self.config.objectives if name != "score")]
        view = mlflow_pages.view(self.root, figures, sorted(self.searched))
        self.client.set_experiment_tag(self.experiment, mlflow_pages.view_tag(self.root), view)

    def _tags(self, number: int) -> dict[str, str]:
        return {f"{TAG}study_id": self.study_id, f"{TAG}trial": str(number), **self.source}

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        if number in self.known.closed:
            return
        self.labels[number] = label
        if number not in self.trials:
            self.coming.setdefault(number, Coming(configuration, label, baseline))
        elif number not in self.open:
            self.client.update_run(self.trials[number], status="RUNNING")
            self.open.add(number)

    def _run_of(self, number: int, started: float | None = None) -> str:
        """The trial's run, which begins now if it is not there."""
        if number not in self.trials:
            trial = self.coming.pop(number)
            tags = {**self._tags(number), f"{TAG}label": trial.label}
            tags |= {f"{TAG}baseline": trial.baseline} if trial.baseline else {}
            tags |= {f"{TAG}adaptation": trial.adaptation.to_json()} if trial.adaptation else {}
            name = trial_name(number, trial.label, self.width)
            params = trial_parameters(trial.configuration, self.searched, self.known.parameters)
            self.trials[number] = self.runs.create(name, "trial", tags, params, self.root, started)
            self.open.add(number)
        return self.trials[number]

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        if number in self.known.adapted:
            return
        self.known.adapted.add(number)
        if number in self.coming:
            self.coming[number].adaptation = adaptation
        else:
            self.client.set_tag(self.trials[number], f"{TAG}adaptation", adaptation.to_json())

    def fold(self, result: FoldResult) -> None:
        key = (result.trial, result.fold)
        if result.trial in self.known.closed:
            return
        if key in self.known.folds:
            self._correct(self.known.folds[key], result)
            return
        tags = {**self._tags(result.trial), **fold_tags(result)}
        name = fold_name(result.trial, result.fold, self.width)
        parent = self._run_of(result.trial, result.started)
        run = self.runs.create(name, "fold", tags, parent=parent, start=result.started)
        self.known.folds[key] = run
        self.runs.log(run, fold_figures(result), when=result.ended)
        self.runs.close(run, "FAILED" if result.error else "FINISHED", result.ended)

    def _correct(self, run: str, result: FoldResult) -> None:
        """Close a fold's record as failed where it is: an earlier version took figures that are no numbers."""
        if result.error and self.client.get_run(run).info.status != "FAILED":
            self.client.set_tag(run, f"{TAG}error", result.error[:LONGEST])
            self.client.set_terminated(run, "FAILED")

    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        if number in self.known.answered or not (table := compute()):
            return
        run = self._run_of(number)
        self.client.log_text(run, answer_tables.to_json(table), answer_tables.TRIAL)
        self.client.set_tag(run, TABLES, json.dumps([{"path": answer_tables.TRIAL, "type": "table"}]))
        self.known.answered.add(number)

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        if result.trial in self.known.closed:
            return
        run = self._run_of(result.trial, min((f.started for f in result.folds if f.started), default=None))
        self._note_devices(result)
        note = trial_note(self.labels[result.trial], result, summary, self.metric, self._links())
        tags = {**outcome_tags(result), NOTE: note}
        self.runs.log(run, [(k, v, 0) for k, v in summary.items()], tags=tags)
        # Trials of a round are closed together; each ended with its own last fold.
        ended = max((f.ended for f in result.folds if f.ended), default=None)
        self.runs.close(run, result.status, ended)
        self.open.discard(result.trial)
        self.known.closed.add(result.trial)

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

    def _links(self) -> str:
        trials = mlflow_pages.trials_place(self.experiment, self.root, viewed=True)
        study = mlflow_pages.run_place(self.experiment, self.root)
        return f"[The study and its answer]({study}) · [its trials, best first]({trials})"

    def report(self, folder: Path) -> None:
        self.client.log_artifacts(self.root, str(folder), "report")
        if conclusion := read_conclusion(folder):
            show_conclusion(self.client, self.root, self.trials, self.known.roles, conclusion)

    def end(self, status: str) -> None:
        for number in list(self.coming):
            self._run_of(number)
        for number in self.open:
            self.client.set_terminated(self.trials[number], "KILLED")
        self.client.set_terminated(self.root, status)

    def page(self) -> str:
        from study.core.mlflow_store import address

        pages = mlflow_pages.pages_at(address(self.uri)[1]) or mlflow_pages.LOCAL
        return f"{pages}/{mlflow_pages.trials_place(self.experiment, self.root, viewed=True)}"

    def command(self) -> str:
        return shlex.join(["mlflow", "ui", *(["--backend-store-uri", self.uri] if self.uri else [])])
