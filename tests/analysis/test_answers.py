"""Out-of-fold answers that a study recorded come back aligned: one row a trial, one column an answer."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from analysis.answers import OutOfFold, load_answers
from analysis.errors import ReportError
from analysis.report import write_report
from analysis.runs import load_study
from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core import answer_tables
from study.core.answers import Answers
from study.core.records import Fold, FoldResult, Provenance
from study.record.mlflow import MlflowTracker

LABELS, GROUPS = np.array([1, 0, 0, 1, 9]), np.array(["a", "b", "a", "b", "tested"])
FOLDS = (Fold(0, np.array([1, 3]), np.array([0, 2])), Fold(1, np.array([0, 2]), np.array([1, 3])))
PREDICTED = {0: ([1, 1], [0, 1]), 1: ([0, 1], None)}  # by trial, of each fold; the last was not trained


def record(uri: str, kind: str, groups: np.ndarray | None = GROUPS) -> None:
    """A study of trials 0, 1 (one fold), 2, which repeats 0, and 3, of which no answers were kept."""
    tracker = MlflowTracker(uri)
    examples = answer_tables.examples(FOLDS, LABELS if kind == "predicted" else None, groups)
    tags = {"lora_study.study_id": "one", "lora_study.metric": "accuracy"}
    tracker.start(StudyConfig(), Provenance(tags), {answer_tables.STUDY: answer_tables.to_split(examples)})
    for number in range(4):
        tracker.trial(number, Configuration(), "r8", None)
        given = PREDICTED.get(number, (None, None))
        kept = {k: answers_of(kind, values) for k, values in enumerate(given) if values}
        results = tuple(FoldResult(number, k, 0.5, {"score": 0.5}, answers=kept.get(k)) for k in range(2))
        if number != 2:
            tracker.answers(number, partial(answer_tables.answers, FOLDS, results))
        tracker.finish_trial(
            TrialResult(number, Configuration(), results, None, 0 if number == 2 else None), {"score": 0.5}
        )
    tracker.end("FINISHED")


def answers_of(kind: str, values: list[int]) -> Answers:
    """The values as classes, or an eighth of each as what an answer is worth."""
    return Answers(np.array(values)) if kind == "predicted" else Answers(worth=np.array(values) / 8)


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


def loaded(uri: str, *numbers: int) -> OutOfFold:
    answers = load_answers(load_study("study", uri), numbers, uri)
    assert answers is not None
    return answers


def test_predicted_classes_come_back_by_fold_and_example_beside_labels_and_groups(uri: str) -> None:
    record(uri, "predicted")
    answers = loaded(uri, 1, 0)
    assert answers.predicted is not None
    assert answers.predicted.tolist() == [[0, 1, -1, -1], [1, 1, 0, 1]]
    assert (answers.numbers, answers.metric, answers.worth) == ((1, 0), "accuracy", None)
    assert (answers.example.tolist(), answers.fold.tolist()) == ([0, 2, 1, 3], [0, 0, 1, 1])
    assert answers.labels is not None
    assert answers.labels.tolist() == [1, 0, 0, 1]
    assert answers.group is not None
    assert answers.group.tolist() == ["a", "a", "b", "b"]


def test_a_trial_that_repeats_another_has_its_answers_and_one_that_kept_none_has_none(uri: str) -> None:
    record(uri, "predicted", None)
    answers = loaded(uri, 0, 2, 3)
    assert answers.predicted is not None
    assert answers.predicted.tolist() == [[1, 1, 0, 1], [1, 1, 0, 1], [-1] * 4]
    assert answers.group is None
    assert load_answers(load_study("study", uri), [3], uri) is None


def test_worths_of_answers_come_back_and_are_missing_where_a_fold_was_not_trained(uri: str) -> None:
    record(uri, "worth")
    answers = loaded(uri, 0, 1)
    assert answers.worth is not None
    assert np.array_equal(answers.worth, [[0.125, 0.125, 0, 0.125], [0, 0.125, np.nan, np.nan]], equal_nan=True)
    assert (answers.predicted, answers.labels) == (None, None)


def test_reading_draws_no_bars(uri: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    record(uri, "predicted")
    monkeypatch.delenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR")
    capfd.readouterr()
    assert len(loaded(uri, 0, 1).numbers) == 2
    assert "Downloading" not in capfd.readouterr().err


def test_a_table_whose_file_is_gone_is_named(uri: str, tmp_path: Path) -> None:
    record(uri, "predicted")
    for file in tmp_path.rglob("answers.json"):
        file.unlink()
    with pytest.raises(ReportError, match=r"holds no answers\.json, which was written there"):
        loaded(uri, 0)


def test_a_report_goes_on_without_the_answers_whose_files_were_left_behind(uri: str, tmp_path: Path) -> None:
    record(uri, "predicted")
    shutil.rmtree(tmp_path / "mlruns")
    page = write_report("study", tmp_path / "reports", uri).read_text(encoding="utf-8")
    assert "The answers to single examples cannot be read" in page
    assert "holds no answers.json, which was written there" in page
