"""The whole job on a small slice of real data: learning is real, studies are replayable, work is never lost."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import optuna
import psutil
import pytest
from commandline import call
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from tiny import save_model

from analysis.answers import OutOfFold, load_answers
from analysis.runs import load_study
from study.commands import study as cli
from study.core.records import FoldResult
from study.search.storage import storage

SLICE = (
    "study.name=slice", "task.limit=160", "study.trials=5", "study.folds=2", "search.round=2", "train.epochs=2",
    "train.lr=5e-3", "train.curves=true", "method.layers=top-1", "method.rank=2,4", "search.baselines=[]",
)  # fmt: skip


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "study", *SLICE, *arguments]


def lora_study(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    return call(cli.main, folder, *SLICE, *arguments)


def trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="slice", storage=storage(f"sqlite:///{folder / 'lora-study.db'}")).trials


def told(folder: Path) -> list[tuple[dict[str, object], list[float] | None]]:
    return [(t.params, t.values) for t in trials(folder)]


def folds(folder: Path) -> dict[tuple[int, str], FoldResult]:
    return {
        (t.number, k): FoldResult.from_json(v)
        for t in trials(folder) for k, v in t.user_attrs.items() if k.startswith("fold:")
    }  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = lora_study(folder)
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("Note: ") for line in done.stderr.splitlines()), done.stderr  # no bar, but facts
    assert "reports/slice/index.html" in done.stdout
    return folder


def answers_of(folder: Path) -> OutOfFold:
    """What the folder's trials that repeat no other answered to each held-out example."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    answers = load_answers(load_study("slice", uri), sorted({number for number, _ in folds(folder)}), uri)
    assert answers is not None
    return answers


def scores(folder: Path) -> dict[tuple[int, str], float | None]:
    return {k: f.score for k, f in folds(folder).items()}


@pytest.mark.long  # tests/search holds it with folds that are invented
def test_a_second_run_with_another_number_of_workers_is_the_same_study(undisturbed: Path, tmp_path: Path) -> None:
    assert lora_study(tmp_path, "launcher.workers=1", "tracking=off").returncode == 0
    assert told(tmp_path) == told(undisturbed)
    assert scores(tmp_path) == pytest.approx(scores(undisturbed), abs=1e-6)


def test_a_configuration_is_trained_once_and_told_again(undisturbed: Path) -> None:
    repeats = [t for t in trials(undisturbed) if "duplicate_of" in t.user_attrs]
    assert len(repeats) == 3  # five trials of two configurations
    for t in repeats:
        assert t.values == trials(undisturbed)[t.user_attrs["duplicate_of"]].values
        assert not [k for k in t.user_attrs if k.startswith("fold:")]


def test_ctrl_c_loses_no_fold_and_the_same_command_ends_as_if_undisturbed(undisturbed: Path, tmp_path: Path) -> None:
    arguments = ("tracking=off", "launcher.workers=1", "report.remeasure=false")
    with subprocess.Popen(
        command(*arguments), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
        # A shell's background job, as these tests may be, hears no Ctrl-C, and neither would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        _wait_for(FOLD_KEPT, tmp_path, process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to the workers too
        _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "the same command goes on" in err
    kept = folds(tmp_path)
    assert kept
    assert lora_study(tmp_path, *arguments).returncode == 0
    assert told(tmp_path) == told(undisturbed)
    after = folds(tmp_path)
    assert all(after[key] == result for key, result in kept.items())  # its times too: it was not trained again


@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGTERM, marks=pytest.mark.long), signal.SIGKILL], ids=lambda s: s.name
)
def test_a_driver_that_is_killed_leaves_no_worker_behind(how: signal.Signals, tmp_path: Path) -> None:
    arguments = command("tracking=off", "train.epochs=500")
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        _wait_for(TRIAL_ASKED, tmp_path, process)
        below: list[psutil.Process] = []
        for _ in range(6000):
            below = psutil.Process(process.pid).children(recursive=True)
            if any(p.ppid() != process.pid and p.cpu_times().user > 1 for p in below):  # one trains, or loads at least
                break
            time.sleep(0.1)
        process.send_signal(how)
        _, err = process.communicate(timeout=600)
    assert len(below) >= 2
    assert psutil.wait_procs(below, timeout=300)[1] == []
    assert ("the same command goes on" in err) == (how == signal.SIGTERM)


# Asked of SQLite itself, since the whole study trains in a few seconds.
FOLD_KEPT = "SELECT 1 FROM trial_user_attributes WHERE key LIKE 'fold:%'"
TRIAL_ASKED = "SELECT 1 FROM trials"  # so that everything is planned, and what helped to plan is gone
PATIENCE = 300  # seconds, on a machine that does much else


def _wait_for(row: str, folder: Path, process: subprocess.Popen[str]) -> None:
    """Until the study's store has such a row."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None
        address = f"file:{folder / 'lora-study.db'}?mode=ro"
        # At first there is no file, then no table in it.
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(address, uri=True)) as store:
            if store.execute(row).fetchone():
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing within {PATIENCE} seconds: {row}")


def test_another_configuration_under_the_same_name_is_refused(undisturbed: Path) -> None:
    done = lora_study(undisturbed, "train.lr=1e-3")
    assert done.returncode == 2
    assert "choose another study.name" in done.stderr


def test_a_finished_study_grows_to_a_larger_total_without_training_again(undisturbed: Path) -> None:
    before = folds(undisturbed)
    assert lora_study(undisturbed, "study.trials=6").returncode == 0
    assert len(trials(undisturbed)) == 6
    assert all(folds(undisturbed)[k] == v for k, v in before.items())


@pytest.mark.long
def test_labels_shuffled_score_at_chance_and_true_ones_well_above(tmp_path: Path) -> None:
    arguments = ("task.limit=600", "study.trials=1", "method.rank=4", "tracking=off")
    assert lora_study(tmp_path / "true", *arguments).returncode == 0
    assert lora_study(tmp_path / "shuffled", *arguments, "task.shuffle_labels=true").returncode == 0
    (true,), (shuffled,) = trials(tmp_path / "true"), trials(tmp_path / "shuffled")
    assert true.values[0] > 0.65
    assert 0.4 < shuffled.values[0] < 0.6


def client_of(folder: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def runs_of(folder: Path) -> list[Run]:
    client = client_of(folder)
    return list(client.search_runs([client.get_experiment_by_name("slice").experiment_id], max_results=1000))


def recorded(folder: Path) -> dict[tuple[str, ...], tuple[str, float | None, dict[str, str]]]:
    """Each run by its place in the tree: its status, score and parameters."""
    return {
        (r.data.tags["lora_study.level"], r.data.tags.get("lora_study.trial", ""), r.info.run_name):
        (r.info.status, r.data.metrics.get("score"), {k: v for k, v in r.data.params.items() if k != "study.trials"})
        for r in runs_of(folder)
    }  # fmt: skip


def test_the_runs_are_a_tree_with_readable_names_and_true_statuses(undisturbed: Path) -> None:
    runs = runs_of(undisturbed)
    level = {run.info.run_id: run.data.tags["lora_study.level"] for run in runs}
    parents = {"trial": "study", "fold": "trial"}
    for run in runs:
        kind = level[run.info.run_id]
        if kind in parents:
            assert level[run.data.tags["mlflow.parentRunId"]] == parents[kind]
        assert run.info.status == "FINISHED"
    (root,) = [r for r in runs if level[r.info.run_id] == "study"]
    for tag in ("data_fingerprint", "folds_fingerprint", "model_fingerprint", "versions", "git_commit"):
        assert root.data.tags[f"lora_study.{tag}"]
    one = next(r for r in runs if level[r.info.run_id] == "trial")
    assert one.info.run_name == f"{int(one.data.tags['lora_study.trial']):02d} {one.data.tags['lora_study.label']}"
    assert one.data.tags["lora_study.label"].startswith("r")
    assert root.data.params["method.lam"] == "None"
    assert {*one.data.params} == {"method.rank"}
    for metric in ("score", "score_se", "params/adapter", "params/head", "params/stored", "memory/train_bytes",
                   "memory/peak_bytes", "time/train_seconds", "speed/tokens_per_second", "latency/ms"):  # fmt: skip
        assert one.data.metrics[metric] > 0
    fold = next(r for r in runs if level[r.info.run_id] == "fold")
    assert [m.step for m in client_of(undisturbed).get_metric_history(fold.info.run_id, "epoch/score")] == [1, 2]
    kept = {a.path for a in client_of(undisturbed).list_artifacts(root.info.run_id)}
    assert kept == {"config.yaml", "folds.json", "examples.json", "report"}
    assert "report/index.html" in {a.path for a in client_of(undisturbed).list_artifacts(root.info.run_id, "report")}


def test_what_needs_no_training_is_recorded_with_the_study_once(undisturbed: Path) -> None:
    assert lora_study(undisturbed, f"study.trials={len(trials(undisturbed))}").returncode == 0
    (root,) = [r for r in runs_of(undisturbed) if r.data.tags["lora_study.level"] == "study"]
    assert 0.45 < root.data.metrics["reference/majority/accuracy"] < 0.55
    assert {"reference/majority/accuracy_se", "reference/majority/test/macro_f1"} <= {*root.data.metrics}
    history = client_of(undisturbed).get_metric_history(root.info.run_id, "reference/majority/accuracy")
    assert len(history) == 1


def test_mlflow_is_rebuilt_from_the_search_storage(undisturbed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(undisturbed, copy)
    (copy / "mlflow.db").unlink()
    shutil.rmtree(copy / "mlruns")
    before = folds(copy)
    assert lora_study(copy, f"study.trials={len(trials(copy))}").returncode == 0
    assert recorded(copy) == recorded(undisturbed)
    assert folds(copy) == before
    tables = [answers_of(folder) for folder in (copy, undisturbed)]
    assert tables[0].predicted is not None
    assert tables[0].predicted.tolist() == tables[1].predicted.tolist()
    assert tables[0].labels is not None
    for index in range(2):  # what is kept comes to the scores that were told
        right = (tables[0].predicted == tables[0].labels)[:, tables[0].fold == index].mean(1)
        assert right.tolist() == [before[number, f"fold:{index}"].score for number in tables[0].numbers]


def test_a_failed_trial_is_failed_everywhere_and_the_study_goes_on(tmp_path: Path) -> None:
    small = save_model(tmp_path / "small")  # its layers are too narrow for the rank
    arguments = (
        f"model.name=minilm,{small}", "model.max_length=32", "method.rank=20", "sampler=grid", "study.trials=2",
        "train.epochs=1", "task.limit=60", "report.remeasure=false",
    )  # fmt: skip
    done = lora_study(tmp_path / "study", *arguments)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 trials failed" in done.stdout
    states = {t.user_attrs["configuration"].count(str(small)): t.state.name for t in trials(tmp_path / "study")}
    assert states == {0: "COMPLETE", 1: "FAIL"}
    for run in runs_of(tmp_path / "study"):
        of_small = run.data.params.get("model.name") == str(small)
        if run.data.tags["lora_study.level"] == "trial":
            assert run.info.status == ("FAILED" if of_small else "FINISHED")
            assert ("method.rank=20" in run.data.tags.get("lora_study.error", "")) == of_small
    page = (tmp_path / "study" / "reports" / "slice" / "report.md").read_text(encoding="utf-8")
    assert "Left out: 1 of 2 trials (1 failed" in page


@pytest.mark.long
def test_ranks_by_group_are_searched_recorded_and_reported(tmp_path: Path) -> None:
    small = save_model(tmp_path / "small")
    arguments = (
        "study.name=slice", "study.folds=2", "study.trials=8", "task.limit=60", f"model.name={small}",
        "model.max_length=32", "method.targets=all-linear,attention", "method.rank.attention=2,4",
        "method.rank.ffn=0,2", "train.epochs=1", "sampler=grid", "search.baselines=[]",
    )  # fmt: skip
    done = call(cli.main, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    # Without a rank for the feed-forward, all-linear is attention, where that rank counts for nothing anyway.
    repeats = [t for t in trials(tmp_path) if "duplicate_of" in t.user_attrs]
    assert len(repeats) == 4
    runs = load_study("slice", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert runs.compared["rank"].isna().all()
    assert runs.trials["rank_pattern"].str.fullmatch(r"attention:[24],ffn:[02]").all()
    assert runs.compared["label"].str.contains(r"^r attention:\d,ffn:\d ").all()
    # LoRA on a layer of m inputs and n outputs has r (m + n) numbers: here three blocks of width 16.
    wanted = [3 * (4 * a * 32 + 2 * f * 48) for a in (2, 4) for f in (0, 2)]
    assert sorted(runs.compared["params/adapter"]) == sorted(wanted)
    assert "r attention:" in (tmp_path / "reports" / "slice" / "index.html").read_text(encoding="utf-8")
