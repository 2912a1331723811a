"""What the terminal and the exit status say of a study that lost workers, ran out of time, or was asked again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from commandline import call
from mlflow.tracking import MlflowClient

from analysis.runs import load_study
from study.commands import study as cli

COMMAND = (
    "study.name=mine", "study.trials=3", "study.folds=2", "task.limit=60", "task.test_fraction=0", "sampler=grid",
    "search.baselines=[]", "method.rank=1,2,4", "engine.pack=1", "report.remeasure=false", "study.tries=2",
    "launcher._target_=quick.FrailLauncher", "launcher.workers=2",
)  # fmt: skip
Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def lora_study(tmp_path: Path) -> Run:
    return lambda *arguments: call(cli.main, tmp_path, *COMMAND, *arguments)


def statuses(folder: Path, level: str) -> list[str]:
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    runs = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    return sorted(run.info.status for run in runs if run.data.tags["lora_study.level"] == level)


def trained(folder: Path) -> list[str]:
    return sorted((folder / "trained").read_text().splitlines())


def test_a_worker_that_is_killed_again_and_again_costs_one_trial_which_can_be_asked_again(
    lora_study: Run, tmp_path: Path
) -> None:
    (tmp_path / "deadly").touch()
    first = lora_study()
    assert first.returncode == 75
    assert "1 trial is left, whose workers died; the same command tries again:" in first.stdout
    assert "trial 1: its worker process died, twice (run 1 of 2)" in first.stdout
    assert statuses(tmp_path, "trial") == ["FINISHED", "FINISHED", "KILLED"]
    assert statuses(tmp_path, "study") == ["KILLED"]
    second = lora_study()
    assert second.returncode == 1
    assert "1 of 3 trials failed:" in second.stdout
    assert "its worker process died, twice, in 2 runs of the study: find out what ends it" in second.stdout
    assert statuses(tmp_path, "trial") == ["FAILED", "FINISHED", "FINISHED"]
    (tmp_path / "deadly").unlink()
    assert lora_study().returncode == 1
    assert len(trained(tmp_path)) == 5
    again = lora_study("study.retry=failed")
    assert (again.returncode, "failed" in again.stdout) == (0, False)
    assert statuses(tmp_path, "trial") == ["FAILED", "FINISHED", "FINISHED", "FINISHED"]
    assert trained(tmp_path) == ["0 0", "0 1", "1 0", "2 0", "2 1", "3 1"]
    runs = load_study("mine", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert list(runs.trials["number"]) == [0, 2, 3]
    assert runs.left_out["failed"] == 0
    assert list(runs.folds["number"]) == [0, 0, 2, 2, 3, 3]


def test_a_deadline_ends_the_command_in_order_and_the_same_command_goes_on(lora_study: Run, tmp_path: Path) -> None:
    stopped = lora_study("study.until=0.000001", "tracking=off")
    assert stopped.returncode == 75
    said = "Stopped for study.until=0.000001: 3 of 3 trials are left; the same command goes on from here."
    assert said in stopped.stdout
    assert not (tmp_path / "trained").exists()
    assert lora_study("study.until=2h", "tracking=off").returncode == 0
    assert len(trained(tmp_path)) == 6
