"""What MLflow's pages show of a study without being set up: times, names, notes, data, source and a view."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow import MlflowClient
from mlflow.entities import Run

from study.config.members import Stop, TrialResult
from study.config.schema import Configuration, StudyConfig, StudySettings
from study.core.alone import HOW, LOADED, MEANING
from study.core.conclusion import Conclusion
from study.core.mlflow_pages import trials_place, view_tag
from study.core.records import Adaptation, FoldResult, Provenance
from study.record.behind import Behind
from study.record.endings import end_of
from study.record.mlflow import MlflowTracker
from study.record.names import digits, fold_name, trial_name
from study.record.tracker import Finished

TAGS = {
    "lora_study.study_id": "one", "lora_study.metric": "accuracy", "lora_study.data_fingerprint": "d4t4" * 20,
    "lora_study.examples": "240", "lora_study.classes": "2", "lora_study.git_commit": "abc123",
}  # fmt: skip
CONFIG = replace(StudyConfig(), space={"method.rank": "choice(2,8)"})


def folds(trial: int, *scores: float, start: float = 100.0) -> tuple[FoldResult, ...]:
    """Folds one after the other, ten seconds each."""
    return tuple(
        FoldResult(trial, k, s, {"score": s, "params/trainable": 770.0}, (), start + 10 * k, start + 10 * (k + 1))
        for k, s in enumerate(scores)
    )


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowTracker:
    monkeypatch.chdir(tmp_path)
    return started(tmp_path)


def started(folder: Path, trials: int = 16) -> MlflowTracker:
    made = MlflowTracker(f"sqlite:///{folder / 'mlflow.db'}")
    made.start(replace(CONFIG, study=StudySettings(trials=trials)), Provenance(TAGS), {})
    return made


def trained(tracker: MlflowTracker, result: TrialResult, label: str = "r8 qv") -> Run:
    tracker.trial(result.trial, result.configuration, label, result.baseline)
    for fold in result.folds:
        if result.duplicate_of is None:
            tracker.fold(fold)
    scores = [f.score for f in result.folds if f.score is not None]
    figures = {"score": sum(scores) / len(scores), "score_se": 0.01, "params/trainable": 770.0} if scores else {}
    figures |= {f"score/fold_{k}": score for k, score in enumerate(scores)}
    tracker.finish_trial(result, figures)
    return tracker.client.get_run(tracker.trials[result.trial])


def whole(trial: int, *scores: float) -> TrialResult:
    return TrialResult(trial, Configuration(), folds(trial, *scores))


def test_a_trial_begins_with_its_first_fold_and_ends_with_its_last(tracker: MlflowTracker) -> None:
    tracker.trial(0, Configuration(), "r8 qv", None)
    tracker.adaptation(0, Adaptation({}, 6, 0, 1000))
    assert list(tracker.runs.of_level("trial")) == []  # nothing trains yet
    run = trained(tracker, whole(0, 0.5, 0.7))
    assert (run.info.start_time, run.info.end_time) == (100_000, 120_000)
    assert "lora_study.adaptation" in run.data.tags


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=5))
def test_a_trial_lasts_as_long_as_folds_of_it_trained_however_they_waited(times: list[tuple[int, int]]) -> None:
    results = tuple(FoldResult(0, k, 0.5, started=a, ended=a + length) for k, (a, length) in enumerate(times))
    busy = {second for a, length in times for second in range(a, a + length)}
    assert end_of(TrialResult(0, Configuration(), results)) == min(busy) + len(busy)


def test_a_raced_trials_run_is_as_long_as_its_training(tracker: MlflowTracker) -> None:
    later = FoldResult(0, 1, 0.7, {"score": 0.7}, (), 900.0, 905.0)
    run = trained(tracker, TrialResult(0, Configuration(), (*folds(0, 0.5), later)))
    assert (run.info.start_time, run.info.end_time) == (100_000, 115_000)
    times = {r.info.run_name: (r.info.start_time, r.info.end_time) for r in tracker.runs.of_level("fold")}
    assert times == {"00.0": (100_000, 110_000), "00.1": (900_000, 905_000)}


def test_a_trial_that_repeats_another_lasts_as_long_as_that(tracker: MlflowTracker) -> None:
    run = trained(tracker, TrialResult(1, Configuration(), folds(0, 0.5, 0.7), duplicate_of=0))
    assert (run.info.start_time, run.info.end_time) == (100_000, 120_000)
    assert "It repeats the training of trial 0." in run.data.tags["mlflow.note.content"]


def test_names_in_order_are_trials_in_order() -> None:
    assert trial_name(7, "r8 qv top-half", digits(16)) == "07 r8 qv top-half"
    assert fold_name(7, 2, digits(16)) == "07.2"
    names = [trial_name(number, label, digits(101)) for number, label in ((100, "a"), (20, "b"), (3, "c"))]
    assert sorted(names) == ["003 c", "020 b", "100 a"]


def test_a_study_that_grows_names_its_trials_alike(tracker: MlflowTracker, tmp_path: Path) -> None:
    trained(tracker, whole(7, 0.5))
    again = started(tmp_path, trials=200)
    assert again.client.get_run(again.trials[7]).info.run_name == "007 r8 qv"


def test_a_search_for_a_score_finds_trials_alone(tracker: MlflowTracker) -> None:
    for number, scores in enumerate([(0.9, 0.8), (0.9, 0.5)]):
        trained(tracker, whole(number, *scores))
    matches = tracker.client.search_runs([tracker.experiment], "metrics.score > 0.75")
    assert [run.info.run_id for run in matches] == [tracker.trials[0]]
    noisy = tracker.client.search_runs([tracker.experiment], "metrics.`fold/score` > 0.75")
    assert sorted(run.info.run_name for run in noisy) == ["00.0", "00.1", "01.0"]


@pytest.mark.parametrize("why", [{"stopped": Stop(1, 1, "adds nothing")}, {}], ids=["stopped", "failed"])
def test_a_trial_that_lacks_folds_has_no_score_beside_whole_ones(tracker: MlflowTracker, why: dict[str, Any]) -> None:
    trained(tracker, whole(0, 0.5, 0.6))
    lacking = folds(1, 0.9) if why else (*folds(1, 0.9), FoldResult(1, 1, None, error="boom"))
    run = trained(tracker, TrialResult(1, Configuration(), lacking, **why))
    assert tracker.client.search_runs([tracker.experiment], "metrics.score > 0.55") == []
    figures = ("score/fold_0", "partial/score", "partial/folds")
    assert [run.data.metrics[name] for name in figures] == [0.9, 0.9, 1.0]


def test_a_trial_says_what_it_is_what_came_of_it_and_what_it_costs(tracker: MlflowTracker) -> None:
    note = trained(tracker, whole(0, 0.5, 0.7), "r8 q|v").data.tags["mlflow.note.content"]
    said = note.split("\n\n")
    assert said[:3] == [
        r"**r8 q\|v**", "accuracy 0.6000 ± 0.0100, by fold 0.500 · 0.700.", "Costs: params/trainable 770.",
    ]  # fmt: skip
    assert f"/runs/{tracker.root}?" in said[3]


def test_a_trials_costs_bear_the_marks_of_how_they_were_measured_and_are_told_anew_when_alone(
    tracker: MlflowTracker,
) -> None:
    loaded = {"score": 0.6, "params/trainable": 770.0, "latency/ms": 11.0, "pack/members": 1.0, "pack/workers": 2.0}
    tracker.trial(0, Configuration(), "r8 qv", None)
    tracker.finish_trial(whole(0, 0.5, 0.7), loaded)

    def told() -> list[str]:
        note = tracker.client.get_run(tracker.trials[0]).data.tags["mlflow.note.content"]
        return [part for part in note.split("\n\n") if part.startswith("Costs: ")]

    begun = f"Costs: params/trainable 770 · latency/ms 11.00 ms†. {MEANING[LOADED]}"
    assert told() == [begun]
    tracker.add_figures(0, {"test/score": 0.5})
    assert told() == [begun]
    tracker.add_figures(0, {"alone/latency_ms": 4.0, "alone/latency_ms_iqr": 0.2, "alone/others": 0.0})
    assert told() == [f"Costs: params/trainable 770 · latency/ms 4.00 ± 0.10 ms. {HOW}"]


def test_a_trial_that_is_judged_anew_keeps_what_it_is_to_the_answer(tracker: MlflowTracker, tmp_path: Path) -> None:
    trained(tracker, whole(0, 0.5, 0.7))
    (tmp_path / "page").mkdir()
    Conclusion("**Choose r8.**", "choose", 0, 0, {}, {0: "**Recommended.**"}).write(tmp_path / "page")
    tracker.report(tmp_path / "page")
    again = started(tmp_path)
    again.trial(0, Configuration(), "r8 qv", None)
    again.rejudge(Finished(replace(whole(0, 0.5, 0.7), broken=("latency/ms<=1",)), {"score": 0.6, "score_se": 0.1}))
    note = again.client.get_run(again.trials[0]).data.tags["mlflow.note.content"]
    assert note.startswith("**Recommended.**\n\n**r8 qv**\n\nIt breaks ")


def test_a_trial_that_failed_or_was_stopped_says_why(tracker: MlflowTracker) -> None:
    error = FoldResult(0, 0, None, error="its loss is <nan>")
    failed = trained(tracker, TrialResult(0, Configuration(), (error,))).data.tags["mlflow.note.content"]
    assert r"It failed: its loss is \<nan\>" in failed
    stop = Stop(1, 1, "adds nothing (beside trial 3)", 3, 0.02)
    stopped = trained(tracker, TrialResult(1, Configuration(), folds(1, 0.5), stopped=stop))
    assert "Stopped after 1 fold: it adds nothing (beside trial 3)." in stopped.data.tags["mlflow.note.content"]


def test_the_data_and_the_source_are_where_mlflow_looks_for_them(tracker: MlflowTracker, tmp_path: Path) -> None:
    started(tmp_path)  # a study that goes on
    (given,) = tracker.client.get_run(tracker.root).inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("sentiment", ("d4t4" * 20)[:36])
    assert json.loads(given.dataset.profile or "") == {"examples": 240, "classes": 2}
    assert [(tag.key, tag.value) for tag in given.tags] == [("mlflow.data.context", "training")]
    run = trained(tracker, whole(0, 0.5))
    for one in (tracker.client.get_run(tracker.root), run):
        source = {k: v for k, v in one.data.tags.items() if k.startswith("mlflow.source")}
        assert source == {
            "mlflow.source.name": "lora-study", "mlflow.source.type": "LOCAL", "mlflow.source.git.commit": "abc123",
        }  # fmt: skip


def test_the_view_lists_whole_trials_best_first_with_what_was_searched(tracker: MlflowTracker) -> None:
    client: MlflowClient = tracker.client
    for number, scores in enumerate([(0.5, 0.5), (0.9, 0.9), (0.7, 0.7)]):
        trained(tracker, whole(number, *scores))
    trained(tracker, TrialResult(3, Configuration(), folds(3, 0.99), stopped=Stop(3, 1, "adds nothing")))
    view = json.loads(client.get_experiment(tracker.experiment).tags[view_tag(tracker.root)])
    assert view["selectedColumns"][1:] == [
        "metrics.`score`", "metrics.`score_se`", "metrics.`params/trainable`", "params.`method.kind`",
        "params.`method.rank`",
    ]  # fmt: skip
    listed = client.search_runs([tracker.experiment], view["searchFilter"], order_by=[f"{view['orderByKey']} DESC"])
    assert [run.info.run_id for run in listed] == [tracker.trials[number] for number in (1, 2, 0)]
    assert view["orderByAsc"] is False


def test_the_view_of_a_constrained_study_lists_what_keeps_its_constraints(tmp_path: Path) -> None:
    tracker = MlflowTracker(f"sqlite:///{tmp_path}/bounds.db")
    tracker.start(replace(StudyConfig(), constraints=["latency/ms<=25"]), Provenance({"lora_study.study_id": "b"}), {})
    slow = replace(whole(0, 0.9, 0.9), broken=("latency/ms<=25",))
    for result in (slow, whole(1, 0.7, 0.7), replace(slow, trial=2)):
        trained(tracker, result)
    view = json.loads(tracker.client.get_experiment(tracker.experiment).tags[view_tag(tracker.root)])

    def listed() -> list[str]:
        runs = tracker.client.search_runs([tracker.experiment], view["searchFilter"])
        return sorted(run.data.tags["lora_study.trial"] for run in runs)

    assert listed() == ["1"]
    tracker.rejudge(Finished(replace(slow, broken=()), {"score": 0.9, "score_se": 0.0}))  # alone, it keeps the bound
    assert listed() == ["0", "1"]
    tags = tracker.client.get_run(tracker.trials[0]).data.tags
    assert tags["lora_study.broken"] == ""
    assert "It breaks" not in tags["mlflow.note.content"]


def test_the_page_of_a_local_store_is_behind_mlflow_ui_and_names_the_view(tracker: MlflowTracker) -> None:
    address = urlsplit(Behind(tracker).page())
    assert f"{address.scheme}://{address.netloc}" == "http://127.0.0.1:5000"
    assert address.fragment.startswith(f"/experiments/{tracker.experiment}/runs?")
    query = parse_qs(address.fragment.partition("?")[2])
    assert query == {"viewStateShareKey": [f"lora-study-{tracker.root}"], "workflowType": ["machine_learning"]}


def test_without_a_view_the_page_is_asked_for_the_same_in_its_address() -> None:
    query = parse_qs(trials_place("1", "abc", viewed=False).partition("?")[2])
    assert query == {
        "searchFilter": ["tags.`mlflow.parentRunId` = 'abc' AND attributes.status = 'FINISHED'"],
        "orderByKey": ["metrics.`score`"], "orderByAsc": ["false"], "workflowType": ["machine_learning"],
    }  # fmt: skip


def test_a_report_brings_its_answer_to_the_notes(tracker: MlflowTracker, tmp_path: Path) -> None:
    trained(tracker, whole(0, 0.5, 0.7))
    tracker.end("FINISHED")
    (tmp_path / "page").mkdir()
    Conclusion("**Choose r8.**", "choose", 0, 0, {"answer/score": 0.6}, {0: "**Recommended.**"}).write(
        tmp_path / "page"
    )
    tracker.report(tmp_path / "page")
    root = tracker.client.get_run(tracker.root)
    assert root.data.tags["mlflow.note.content"].startswith("**Choose r8.**")
    assert root.data.metrics == {"answer/score": 0.6}
    note = tracker.client.get_run(tracker.trials[0]).data.tags["mlflow.note.content"]
    assert note.startswith("**Recommended.**\n\n**r8 qv**\n\n")
    again = started(tmp_path)  # knows what it said
    again.report(tmp_path / "page")
    assert again.client.get_run(tracker.trials[0]).data.tags["mlflow.note.content"] == note
