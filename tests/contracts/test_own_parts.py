"""A launcher, sampler, pruner or tracker of one's own is one file and one YAML, in a folder of --config-dir."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from study.commands import study as cli
from study.search.stored import configuration_of, find, folds_of

TOY = Path(__file__).parent / "toy"
SMALL = [
    "task.limit=60", "task.test_fraction=0", "study.folds=2", "study.trials=4", "search.baselines=[]",
    "search.round=2", "method.rank=1,2,4", "method.layers=top-1", "train.epochs=1", "model.max_length=16",
]  # fmt: skip
# Each is one Python file and one YAML, beside which the run below needs nothing.
PARTS = {"launcher": "here", "sampler": "in_turn", "tracking": "lines", "pruner": "floor"}


def status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main([f"--config-dir={TOY}", *arguments])
    return int(stopped.value.code or 0)


@pytest.mark.parametrize("group", PARTS)
def test_a_part_is_one_file_and_one_yaml(group: str) -> None:
    (yaml,) = (TOY / group).iterdir()
    assert yaml.name == f"{PARTS[group]}.yaml"
    assert yaml.read_text().startswith(f"_target_: contracts.toy.{PARTS[group]}.")
    assert sorted(f.stem for f in TOY.glob("*.py")) == sorted(PARTS.values())


def test_a_study_runs_on_a_launcher_a_sampler_a_pruner_and_a_tracker_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = [f"{group}={name}" for group, name in PARTS.items()]
    assert status(*SMALL, *chosen, "sampler.first=1", "tracking.path=mine.json", "pruner.least=0") == 0
    study, config = find("sqlite:///lora-study.db", "study")
    assert [configuration_of(t).method.rank for t in study.trials] == [2, 4, 1, 2]
    scores = {(t.number, k): fold.score for t in study.trials for k, fold in folds_of(t).items()}
    assert len(scores) == 6  # the fourth trial repeats the first
    assert None not in scores.values()
    rows = json.loads((tmp_path / "mine.json").read_text())
    assert {row["status"] for row in rows.values()} == {"FINISHED"}
    assert rows["1/0"]["figures"]["score"] == scores[1, 0]
    assert [len([name for name in rows if "/" in name]), len(rows)] == [6, 11]  # folds; four trials and the study too
    assert config.launcher == {"_target_": "contracts.toy.here.Here"}
    assert "No report: it is made from MLflow's runs, and" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lora-study.db", "mine.json"]


def test_a_trial_that_a_pruner_of_ones_own_stops_is_recorded_as_pruned_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(*SMALL, "launcher=here", "sampler=in_turn", "tracking=lines", "pruner=floor", "pruner.least=2") == 1
    study, config = find("sqlite:///lora-study.db", "study")
    assert [t.state.name for t in study.trials] == ["PRUNED"] * 4
    assert [len(folds_of(t)) for t in study.trials] == [1, 1, 1, 0]  # the fourth repeats the first
    rows = json.loads((tmp_path / "record.json").read_text())
    assert {name: row["status"] for name, row in rows.items() if "/" not in name} == {
        "study": "FINISHED", "0": "KILLED", "1": "KILLED", "2": "KILLED", "3": "KILLED"
    }  # fmt: skip
    said = capsys.readouterr()
    assert said.err.count("stopped after 1 of 2 folds: it scores 0.") == 3
    assert "No trial is complete, so that there is no front." in said.out
    assert config.pruner == {"_target_": "contracts.toy.floor.Floor", "least": 2}


WRONG = {
    "launcher=here launcher.workers=2": "launcher.workers=2: is no argument of contracts.toy.here.Here; leave it out",
    "launcher=nowhere": "launcher=nowhere: is not among the options of its group; choose one of local",
    "launcher.workers=0": "launcher.workers=0: at least one process must train; write 1 or more, or null",
    "launcher.workers=two": "launcher.workers=two: at least one process must train",
    "launcher=here launcher._target_=contracts.toy.lines.Lines launcher.path=x": "contracts.toy.lines.Lines: makes no"
    " Launcher; write the dotted path of a subclass of study.launch.base.Launcher",
    "launcher=here launcher.workers=1,2": "launcher.workers: describes the study as a whole",
    "tracking.url=x": "tracking.url=x: is no argument of study.record.mlflow.MlflowTracker; choose among uri",
    "tracking=off tracking.uri=x": "tracking.uri=x: is no argument of study.record.none.NoTracker; leave it out",
    "tracking=off tracking._target_=fractions.Fraction": "tracking._target_=fractions.Fraction: makes no Tracker",
    "sampler=in_turn sampler.second=1": "sampler.second=1: is no argument of contracts.toy.in_turn.InTurn; choose among"
    " first",
    "pruner=floor pruner.most=1": "pruner.most=1: is no argument of contracts.toy.floor.Floor; choose among least",
    "pruner=nowhere": "pruner=nowhere: is not among the options of its group; choose one of none",
    "pruner=floor pruner._target_=contracts.toy.lines.Lines": "pruner.least=0.5: is no argument of contracts.toy.lines",
    "pruner._target_=fractions.Fraction": "makes no Pruner",
    "sampler=random sampler._target_=fractions.Fraction": "makes no BaseSampler",
    "sampler=random sampler._target_=builtins.dict": "builtins.dict: does not tell which arguments it takes",
    "tracking.name=nothing": "tracking=nothing: is not among the options of its group; choose one of mlflow, off",
    "launcher.name=slow": "launcher=slow: is not among the options of its group; choose one of local",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_name_or_argument_is_one_line_and_nothing_is_created(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(*arguments.split()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert WRONG[arguments] in said
    assert list(tmp_path.iterdir()) == []
