"""A record that was cut off is completed: each trial and fold has one run, whole, with a true status."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.entities import Run

from study.config import Configuration, StudyConfig
from study.records import FoldResult, Provenance, TrialResult
from study.tracking import MlflowTracker

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
    return list(tracker._search(f"tags.`lora_study.level` = '{level}'"))


def test_a_fold_that_was_cut_off_half_written_is_written_again(uri: str) -> None:
    first = opened(uri)
    first.fold(FOLDS[0])
    first._create("fold 1", "fold", {**first._tags(0), "lora_study.fold": "1"}, parent=first.trials[0])
    second = opened(uri)
    for fold in FOLDS:
        second.fold(fold)
    found = runs(second, "fold")
    assert sorted(r.info.run_name for r in found) == ["fold 0", "fold 1"]
    assert all(r.info.status == "FINISHED" and r.data.metrics["score"] == 0.5 for r in found)


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
