"""What every tracker guarantees: one record of each trial and fold, true statuses, and nothing before the start."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from contracts.toy.lines import Lines

from study.config.members import Stop, TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.answer_tables import Table
from study.core.records import FoldResult, Provenance
from study.record import Tracker
from study.record.behind import Behind
from study.record.mlflow import MlflowTracker
from study.record.none import NoTracker

Rows = dict[str, tuple[str, dict[str, float]]]  # status and figures by "study", "<trial>" or "<trial>/<fold>"
FOLDS = tuple(FoldResult(0, k, 0.5, {"score": 0.5 + k}, started=1.0, ended=9.0) for k in range(2))
ANSWERS = {"example": [4, 2, 0], "fold": [0, 0, 1], "predicted": [1, 0, 1]}
FAILED = FoldResult(1, 0, None, error="its loss is nan")


@dataclass(frozen=True)
class Case:
    """A tracker over a folder, and what its record there says, also of trial 0's answers, none where there are none;
    `keeps` is whether there is a record at all."""

    make: Callable[[Path], Tracker]
    read: Callable[[Path], Rows]
    answers: Callable[[Path], dict[str, list[int]]]
    keeps: bool = True


def mlflow_uri(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def mlflow_rows(folder: Path) -> Rows:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=mlflow_uri(folder))
    experiment = client.get_experiment_by_name("study")
    assert experiment is not None
    rows: Rows = {}
    for run in client.search_runs([experiment.experiment_id]):
        tags = {key.removeprefix("lora_study."): value for key, value in run.data.tags.items()}
        parts = [tags[key] for key in ("trial", "fold") if key in tags]
        name = "/".join(parts) or "study"
        assert name not in rows
        rows[name] = (run.info.status, {k.removeprefix("fold/"): v for k, v in run.data.metrics.items()})
    return rows


def mlflow_answers(folder: Path) -> dict[str, list[int]]:
    """As MLflow's own pages find and show them."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=mlflow_uri(folder))
    (experiment,) = client.search_experiments(filter_string="name = 'study'")
    (run,) = client.search_runs([experiment.experiment_id], "tags.`lora_study.level` = 'trial'")
    if "mlflow.loggedArtifacts" not in run.data.tags:
        assert client.list_artifacts(run.info.run_id) == []
        return {}
    table = client.load_table(experiment.experiment_id, "answers.json", [run.info.run_id])
    return {name: table[name].tolist() for name in table}


def lines_answers(folder: Path) -> dict[str, list[int]]:
    return dict(json.loads((folder / "record.json").read_text())["0"].get("answers", {}))


def lines_rows(folder: Path) -> Rows:
    rows = json.loads((folder / "record.json").read_text())
    return {name: (row["status"], row["figures"]) for name, row in rows.items() if name != "report"}


TRACKERS: dict[str, Case] = {
    "off": Case(lambda folder: NoTracker(), lambda folder: {}, lambda folder: {}, keeps=False),
    "mlflow": Case(lambda folder: MlflowTracker(mlflow_uri(folder)), mlflow_rows, mlflow_answers),
    "behind": Case(lambda folder: Behind(MlflowTracker(mlflow_uri(folder))), mlflow_rows, mlflow_answers),
    "lines": Case(lambda folder: Lines(str(folder / "record.json")), lines_rows, lines_answers),
}


@pytest.fixture(params=TRACKERS)
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.chdir(tmp_path)
    return TRACKERS[request.param]


def begun(case: Case) -> Tracker:
    """A tracker of the one study that these tests record, with trial 0 open."""
    tracker = case.make(Path.cwd())
    tracker.start(StudyConfig(), Provenance({"lora_study.study_id": "one"}), {"config.yaml": {"a": 1}})
    tracker.trial(0, Configuration(), "r8", None)
    return tracker


def closed(tracker: Tracker, score: float = 0.5) -> None:
    for fold in FOLDS:
        tracker.fold(fold)
    tracker.finish_trial(TrialResult(0, Configuration(), FOLDS, None, None), {"score": score})


def rows(case: Case) -> Rows:
    return case.read(Path.cwd())


def test_making_and_checking_one_creates_nothing(case: Case) -> None:
    tracker = case.make(Path.cwd())
    tracker.check_address()
    tracker.check(StudyConfig())
    assert list(Path.cwd().iterdir()) == []


def test_trials_and_folds_are_recorded_once_with_their_status_and_figures(case: Case) -> None:
    tracker = begun(case)
    for _ in range(2):  # whoever tells it again changes nothing
        tracker.trial(0, Configuration(), "r8", None)
        closed(tracker)
    tracker.trial(1, Configuration(), "r4", "head")
    tracker.fold(FAILED)
    tracker.finish_trial(TrialResult(1, Configuration(), (FAILED,), "head", None), {})
    tracker.end("FINISHED")
    assert rows(case) == (
        {
            "study": ("FINISHED", {}),
            "0": ("FINISHED", {"score": 0.5}),
            "0/0": ("FINISHED", {"score": 0.5}),
            "0/1": ("FINISHED", {"score": 1.5}),
            "1": ("FAILED", {}),
            "1/0": ("FAILED", {}),
        }
        if case.keeps
        else {}
    )


def test_what_is_open_at_the_end_is_killed_and_goes_on_in_its_own_record(case: Case) -> None:
    killed = begun(case)
    killed.fold(FOLDS[0])
    killed.end("KILLED")
    kept = case.keeps
    assert {n: s for n, (s, _) in rows(case).items()} == (
        {"study": "KILLED", "0": "KILLED", "0/0": "FINISHED"} if kept else {}
    )
    resumed = begun(case)
    closed(resumed)
    resumed.end("FINISHED")
    assert {n: s for n, (s, _) in rows(case).items()} == (
        {"study": "FINISHED", "0": "FINISHED", "0/0": "FINISHED", "0/1": "FINISHED"} if kept else {}
    )


def test_a_closed_trial_stays_as_it_is_in_a_study_that_goes_on(case: Case) -> None:
    first = begun(case)
    closed(first)
    first.end("KILLED")
    again = begun(case)
    closed(again, score=0.9)
    again.end("FINISHED")
    assert rows(case).get("0") == (("FINISHED", {"score": 0.5}) if case.keeps else None)


def test_a_trial_that_was_stopped_is_closed_as_killed_and_stays_so(case: Case) -> None:
    stop = Stop(0, 1, "adds more than 0.01 to the front with probability 0.02 (beside trial 3)", 3, 0.02)
    result = TrialResult(0, Configuration(), FOLDS[:1], stopped=stop)
    for _ in range(2):  # the second is a study that goes on
        tracker = begun(case)
        tracker.fold(FOLDS[0])
        tracker.finish_trial(result, {"params/trainable": 770.0})
        tracker.fold(FOLDS[1])  # comes too late
        tracker.end("FINISHED")
    expected = {
        "study": ("FINISHED", {}), "0": ("KILLED", {"params/trainable": 770.0}), "0/0": ("FINISHED", {"score": 0.5})
    }  # fmt: skip
    assert rows(case) == (expected if case.keeps else {})


@pytest.mark.parametrize("behind", [False, True])
def test_mlflow_keeps_why_a_search_ended_early_until_it_goes_on(
    behind: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)
    kept = []
    for reason in ("the search stopped after 16 of 44 trials", ""):  # the second goes on
        tracker = begun(TRACKERS["behind" if behind else "mlflow"])
        tracker.note_ending(reason)
        tracker.end("FINISHED")
        client = MlflowClient(tracking_uri=mlflow_uri(tmp_path))
        (experiment,) = client.search_experiments(filter_string="name = 'study'")
        (run,) = client.search_runs([experiment.experiment_id], "tags.`lora_study.level` = 'study'")
        kept.append(run.data.tags.get("lora_study.ending"))
    assert kept == ["the search stopped after 16 of 44 trials", ""]


def test_what_is_measured_after_the_search_joins_the_trial(case: Case) -> None:
    tracker = begun(case)
    closed(tracker)
    tracker.add_figures(0, {"test/score": 0.25})
    tracker.end("FINISHED")
    assert rows(case).get("0") == (("FINISHED", {"score": 0.5, "test/score": 0.25}) if case.keeps else None)


def test_whoever_waits_finds_everything_written_that_was_told_so_far(case: Case) -> None:
    tracker = begun(case)
    closed(tracker)
    tracker.wait()
    assert rows(case).get("0") == (("FINISHED", {"score": 0.5}) if case.keeps else None)
    tracker.end("FINISHED")


@pytest.mark.parametrize("late", [False, True])
def test_answers_are_put_into_a_table_where_a_record_lacks_them_and_there_alone(case: Case, late: bool) -> None:
    """Also of a trial that an earlier version closed without one."""
    computed: list[int] = []

    def compute() -> Table:
        computed.append(1)
        return {name: np.array(values) for name, values in ANSWERS.items()}

    for told in (not late, True, True):  # the second and third are a study that goes on
        tracker = begun(case)
        if told:
            tracker.answers(0, compute)
        closed(tracker)
        tracker.end("FINISHED")
    assert len(computed) == int(case.keeps)
    assert case.answers(Path.cwd()) == (ANSWERS if case.keeps else {})


def test_a_trial_whose_folds_kept_no_answers_has_no_table(case: Case) -> None:
    tracker = begun(case)
    tracker.answers(0, dict)
    closed(tracker)
    tracker.end("FINISHED")
    assert case.answers(Path.cwd()) == {}


def test_references_are_computed_where_a_record_lacks_them_and_there_alone(case: Case) -> None:
    computed: list[int] = []

    def compute() -> dict[str, float]:
        computed.append(1)
        return {"reference/majority/accuracy": 0.5}

    for _ in range(2):  # the second is a study that goes on
        tracker = begun(case)
        tracker.references(compute)
        tracker.end("FINISHED")
    assert len(computed) == int(case.keeps)
    assert rows(case).get("study") == (("FINISHED", {"reference/majority/accuracy": 0.5}) if case.keeps else None)


def test_a_report_is_taken_after_the_end_and_its_figures_stay(case: Case, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<p>")
    tracker = begun(case)
    closed(tracker)
    tracker.end("FINISHED")
    before = rows(case)
    tracker.report(tmp_path / "page")
    assert rows(case) == before
    assert bool(before) == case.keeps


def test_what_can_be_looked_at_names_the_command_and_what_cannot_be_reported_says_why(case: Case) -> None:
    tracker = case.make(Path.cwd())
    assert tracker.command().startswith("mlflow ui") == (tracker.unreported == "")
    assert tracker.unreported in ("", "tracking=off keeps none", "this study's tracker keeps none")


def test_where_the_trials_are_shown_is_known_from_the_start_wherever_there_is_something_to_look_at(case: Case) -> None:
    tracker = begun(case)
    assert tracker.page().startswith("http://") == (tracker.command() != "")
    tracker.end("FINISHED")
