"""A record that was cut off is completed: each trial and fold has one run, whole, with a true status."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from mlflow.entities import Run

from analysis.runs import load_study
from study.config.members import TrialResult
from study.config.options import IN_MLFLOW
from study.config.schema import Configuration, StudyConfig, StudySettings
from study.core.errors import ConfigError
from study.core.records import Adaptation, Epoch, FoldResult, Provenance
from study.export.job.record import TrialRun
from study.record import Tracker
from study.record.behind import Behind
from study.record.mlflow import MlflowTracker
from study.record.none import NoTracker
from study.record.runs import Begun, Runs

FOLDS = tuple(FoldResult(0, k, 0.5, metrics={"score": 0.5}, started=1.0, ended=9.0) for k in range(2))


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def opened(uri: str) -> MlflowTracker:
    tracker = MlflowTracker(uri)
    tracker.start(StudyConfig(), Provenance({"lora_study.study_id": "one"}), {})
    tracker.trial(0, Configuration(), "r8", None)
    return tracker


def runs(tracker: MlflowTracker, level: str) -> list[Run]:
    return list(tracker.runs.of_level(level))


def test_a_fold_that_was_cut_off_half_written_is_written_again(uri: str) -> None:
    first = opened(uri)
    first.fold(FOLDS[0])
    first.runs.create(Begun("fold 1", "fold", {**first._tags(0), "lora_study.fold": "1"}, parent=first.trials[0]))
    second = opened(uri)
    for fold in FOLDS:
        second.fold(fold)
    folds = runs(second, "fold")
    assert sorted(r.info.run_name for r in folds) == ["00.0", "00.1"]
    assert all(r.info.status == "FINISHED" and r.data.metrics["fold/score"] == 0.5 for r in folds)


def test_a_closed_trial_is_left_as_it_is_and_a_killed_one_goes_on(uri: str) -> None:
    killed = opened(uri)
    killed.end("KILLED")
    assert [r.info.status for r in runs(killed, "trial")] == ["KILLED"]
    whole = opened(uri)
    assert [r.info.status for r in runs(whole, "trial")] == ["RUNNING"]
    whole.finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": 0.5})
    (closed,) = runs(whole, "trial")
    assert (closed.info.status, closed.info.end_time) == ("FINISHED", 9000)  # when its last fold ended
    again = opened(uri)
    again.finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": 0.9})
    (kept,) = runs(again, "trial")
    assert (kept.info.status, kept.data.metrics["score"]) == ("FINISHED", 0.5)


def test_the_fold_runs_of_a_closed_trial_are_neither_read_nor_written_again(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened(uri)
    for fold in FOLDS:
        first.fold(fold)
    first.finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": 0.5})
    read: list[str] = []
    of_level = Runs.of_level

    def noted(self: Runs, level: str, parent: str | None = None) -> Iterator[Run]:
        for run in of_level(self, level, parent):
            read.append(run.data.tags["lora_study.level"])
            yield run

    monkeypatch.setattr(Runs, "of_level", noted)
    second = opened(uri)
    for fold in FOLDS:
        second.fold(fold)
    assert sorted(read) == ["study", "trial"]
    assert len(runs(second, "fold")) == len(FOLDS)


def test_what_a_closed_trial_adapts_is_recorded_where_an_earlier_version_did_not_and_once(uri: str) -> None:
    opened(uri).finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": 0.5})
    adaptation = Adaptation({"layer.0.query": 2, "layer.1.query": 2}, 0, 128, 1000)
    for known in (adaptation, replace(adaptation, lowest=1)):  # the second tracker is that of a resumed study
        opened(uri).adaptation(0, known)
    (trial,) = runs(opened(uri), "trial")
    assert trial.info.status == "FINISHED"
    assert Adaptation.from_json(trial.data.tags["lora_study.adaptation"]) == adaptation


def test_a_held_out_score_that_was_not_taken_of_an_epoch_is_no_point_of_its_curve(uri: str) -> None:
    tracker = opened(uri)
    tracker.fold(replace(FOLDS[0], epochs=(Epoch(1, 5, 0.7, 0.1), Epoch(2, 10, 0.5, 0.2, 0.75))))
    (run,) = runs(tracker, "fold")
    steps = {
        name: [(m.step, m.value) for m in tracker.client.get_metric_history(run.info.run_id, f"epoch/{name}")]
        for name in ("loss", "distance", "score")
    }
    assert steps == {"loss": [(1, 0.7), (2, 0.5)], "distance": [(1, 0.1), (2, 0.2)], "score": [(2, 0.75)]}


def test_references_are_computed_and_written_once(uri: str) -> None:
    computed: list[int] = []

    def compute() -> dict[str, float]:
        computed.append(1)
        return {"reference/majority/accuracy": 0.5}

    for _ in range(2):  # the second tracker is that of a resumed study
        opened(uri).references(compute)
    (root,) = runs(opened(uri), "study")
    assert root.data.metrics == {"reference/majority/accuracy": 0.5}
    assert len(computed) == 1


def test_what_a_task_is_not_told_is_no_parameter(uri: str) -> None:
    (root,) = runs(opened(uri), "study")
    assert root.data.params["task.name"] == "sentiment"
    assert "task.path" not in root.data.params
    assert root.data.params["method.lam"] == "None"


class Slow(NoTracker):
    """A tracker that writes nothing until it may, notes its calls, and fails at trial 3."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.may = Event()

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        assert self.may.wait(60)
        self.seen.append(number)
        if number == 3:
            raise ValueError("it is a mistake")

    def end(self, status: str) -> None:
        self.seen.append(status)


def begun() -> tuple[Slow, Behind]:
    slow = Slow()
    behind = Behind(slow)
    behind.start(StudyConfig(), Provenance({}), {})
    return slow, behind


def test_calls_are_made_behind_the_caller_in_their_order_and_all_before_the_end() -> None:
    slow, behind = begun()
    for number in (5, 1, 4, 2):
        behind.trial(number, Configuration(), "", None)
    assert slow.seen == []  # the caller has gone on while nothing is written
    slow.may.set()
    behind.end("KILLED")
    assert slow.seen == [5, 1, 4, 2, "KILLED"]


def test_whoever_waits_behind_a_mistake_hears_of_it_and_waits_no_longer() -> None:
    slow, behind = begun()
    slow.may.set()
    for number in (3, 4):
        behind.calls.put(partial(slow.trial, number, Configuration(), "", None))
    with pytest.raises(ValueError, match="is a mistake"):
        behind.wait()
    behind.end("FAILED")
    assert slow.seen == [3, "FAILED"]


def test_an_error_reaches_the_caller_once_and_nothing_is_recorded_after_it() -> None:
    slow, behind = begun()
    slow.may.set()
    behind.trial(3, Configuration(), "", None)
    behind.calls.put(lambda: None)
    while not behind.broken:
        time.sleep(0.005)
    with pytest.raises(ValueError, match="is a mistake"):
        behind.trial(4, Configuration(), "", None)
    behind.end("FAILED")
    assert slow.seen == [3, "FAILED"]


def test_an_error_of_the_last_calls_is_raised_by_the_end_and_the_record_has_failed() -> None:
    slow, behind = begun()
    slow.may.set()
    for number in (3, 4):
        behind.trial(number, Configuration(), "", None)
    with pytest.raises(ValueError, match="is a mistake"):
        behind.end("FINISHED")
    assert slow.seen == [3, "FAILED"]


def test_a_full_queue_of_a_broken_tracker_does_not_hold_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("study.record.behind.WAITING", 2)
    slow, behind = begun()
    slow.may.set()
    behind.trial(3, Configuration(), "", None)
    with pytest.raises(ValueError, match="is a mistake"):
        _many_trials(behind)
    behind.end("FAILED")
    assert slow.seen == [3, "FAILED"]


def _many_trials(tracker: Tracker) -> None:
    for _ in range(500):
        tracker.trial(4, Configuration(), "", None)


def test_what_is_written_behind_is_what_is_written_at_once(uri: str) -> None:
    behind = Behind(MlflowTracker(uri))
    behind.start(StudyConfig(), Provenance({"lora_study.study_id": "one"}), {})
    behind.trial(0, Configuration(), "r8", None)
    for fold in FOLDS:
        behind.fold(fold)
    behind.finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": 0.5})
    behind.end("FINISHED")
    again = opened(uri)
    statuses = {level: [r.info.status for r in runs(again, level)] for level in ("study", "trial", "fold")}
    assert statuses == {"study": ["RUNNING"], "trial": ["FINISHED"], "fold": ["FINISHED", "FINISHED"]}


@pytest.mark.parametrize("name", ["it's mine", 'say "hello"', "a ` tick", 'it\'s "both"', "50% of \\ all"])
def test_a_study_of_any_name_goes_on_in_its_own_runs(name: str, uri: str) -> None:
    config = replace(StudyConfig(), study=StudySettings(name))
    for _ in range(2):
        tracker = MlflowTracker(uri)
        tracker.start(config, Provenance({"lora_study.study_id": f"{name}:f"}), {})
        tracker.trial(0, Configuration(), "r8", None)
        tracker.fold(FOLDS[0])
    assert len(runs(tracker, "study")) == len(runs(tracker, "trial")) == 1


def test_an_experiment_that_was_deleted_is_named_with_its_remedy_before_anything_is_created(uri: str) -> None:
    config = replace(StudyConfig(), study=StudySettings("gone"), tracking={**IN_MLFLOW, "uri": uri})
    tracker = MlflowTracker(uri)
    tracker.check(config)
    client = MlflowTracker(uri).client
    number = client.create_experiment("gone")
    tracker.check(config)
    client.delete_experiment(number)
    with pytest.raises(ConfigError, match=f"mlflow experiments restore --experiment-id {number}"):
        tracker.check(config)


def test_a_store_that_mlflow_refuses_is_said_with_the_cause(tmp_path: Path) -> None:
    (tmp_path / "mlruns").mkdir()
    config = replace(StudyConfig(), tracking={**IN_MLFLOW, "uri": str(tmp_path / "mlruns")})
    with pytest.raises(ConfigError, match="is refused by MLflow"):
        MlflowTracker(str(tmp_path / "mlruns")).check(config)
    assert list((tmp_path / "mlruns").iterdir()) == []


def test_runs_that_others_put_below_ours_are_neither_taken_nor_touched(uri: str) -> None:
    first = opened(uri)
    first.fold(FOLDS[0])
    theirs = [
        first.client.create_run(first.experiment, tags={"mlflow.parentRunId": parent, **more}).info.run_id
        for parent in (first.root, first.trials[0])
        for more in ({}, {"lora_study.level": "probe"})
    ]
    second = opened(uri)
    for fold in FOLDS:
        second.fold(fold)
    second.end("KILLED")
    assert len(runs(second, "trial")) == 1
    assert len(runs(second, "fold")) == len(FOLDS)
    kept = [second.client.get_run(run) for run in theirs]
    assert [(r.info.status, r.info.lifecycle_stage) for r in kept] == [("RUNNING", "active")] * 4


def test_an_experiment_of_another_program_is_shared_and_its_runs_stay_theirs(uri: str) -> None:
    client = MlflowTracker(uri).client
    experiment = client.create_experiment("study")
    theirs = client.create_run(experiment, run_name="study").info.run_id
    client.log_metric(theirs, "score", 0.99)
    tracker = opened(uri)
    tracker.finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": 0.5})
    tracker.end("FINISHED")
    assert tracker.experiment == experiment
    assert load_study("study", uri).trials["score"].tolist() == [0.5]
    untouched = client.get_run(theirs)
    assert (untouched.info.status, untouched.data.metrics) == ("RUNNING", {"score": 0.99})


def test_of_two_studies_in_one_experiment_the_one_that_ran_last_is_reported(uri: str) -> None:
    """Such as two stores of searches whose studies have one name; an older one that goes on is the last."""

    def run(study_id: str, score: float) -> None:
        tracker = MlflowTracker(uri)
        tracker.start(StudyConfig(), Provenance({"lora_study.study_id": study_id}), {})
        tracker.trial(0, Configuration(), "r8", None)
        tracker.finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": score})
        tracker.end("FINISHED")

    for study_id, score in (("one", 0.1), ("two", 0.2), ("one", 0.1)):
        run(study_id, score)
        time.sleep(0.002)  # MLflow's clock ticks in milliseconds
        assert load_study("study", uri).trials["score"].tolist() == [score]


def test_a_deleted_experiment_is_named_to_those_who_read_it(uri: str) -> None:
    tracker = opened(uri)
    tracker.client.delete_experiment(tracker.experiment)
    with pytest.raises(ConfigError, match="study=study: is an MLflow experiment that was deleted; write mlflow exp"):
        load_study("study", uri)
    with pytest.raises(ConfigError, match="study=study: is an MLflow experiment that was deleted"):
        TrialRun(uri, "study", "one", 0)


def test_figures_of_exports_go_to_the_run_of_the_study_itself(uri: str) -> None:
    tracker = opened(uri)
    tracker.fold(FOLDS[0])
    tags = {"lora_study.level": "trial", "lora_study.trial": "0"}
    for more in ({}, {"lora_study.study_id": "two"}):
        tracker.client.create_run(tracker.experiment, tags={**tags, **more})
    assert TrialRun(uri, "study", "one", 0).run_id == tracker.trials[0]
    with pytest.raises(ConfigError, match="MLflow has no run of trial 0 of study"):
        TrialRun(uri, "study", "three", 0)


def test_the_launcher_and_the_tracker_are_parameters_by_their_arguments(uri: str) -> None:
    (root,) = runs(opened(uri), "study")
    names = {name: value for name, value in root.data.params.items() if name.startswith(("launcher", "tracking"))}
    assert names == {
        "launcher._target_": "study.launch.local.LocalLauncher",
        "launcher.timeout": "None",
        "launcher.workers": "None",
        "tracking._target_": "study.record.mlflow.MlflowTracker",
        "tracking.uri": "None",
    }
