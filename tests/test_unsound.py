"""A training that diverges is a failure everywhere; a store in which an earlier version kept it as a result opens."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from mlflow.entities import Metric, Run
from mlflow.tracking import MlflowClient
from tables import write_csv
from tiny import save_model

from study.commands import study as cli
from study.config.options import IN_MLFLOW, LOCAL
from study.config.schema import (
    MethodConfig,
    ModelConfig,
    ReportConfig,
    SearchConfig,
    StorageConfig,
    StudyConfig,
    StudySettings,
    TaskConfig,
    TrainConfig,
)
from study.core.errors import ConfigError
from study.export.job.request import Wanted, prepare
from study.search.driver import run_study
from study.search.plan import GRID
from study.search.storage import storage

DIVERGES = 1e6
ERROR = r"its (held-out )?loss is nan in epoch 1; try a smaller train\.lr"


@dataclass(frozen=True)
class Home:
    """A folder with a study's stores."""

    folder: Path

    def config(self, trials: int, rates: str) -> StudyConfig:
        return StudyConfig(
            study=StudySettings("rates", trials=trials, folds=2),
            task=TaskConfig("file", path=str(self.folder / "t.csv"), text="t", label="y", test_fraction=0.2),
            model=ModelConfig(str(self.folder / "model"), max_length=16),
            method=MethodConfig("lora", rank=2, targets="all-linear"),
            train=TrainConfig(epochs=1, batch_size=8),
            space={"train.lr": rates},
            search=SearchConfig(baselines=[]),
            sampler={"_target_": GRID},
            launcher={**LOCAL, "workers": 1},
            storage=StorageConfig(f"sqlite:///{self.folder}/lora-study.db"),
            tracking={**IN_MLFLOW, "uri": f"sqlite:///{self.folder}/mlflow.db"},
            report=ReportConfig(str(self.folder / "reports")),
        )

    def run(self, trials: int, rates: str = f"choice(0.001,{DIVERGES})") -> int:
        return run_study(self.config(trials, rates), [], cli._report)

    @property
    def study(self) -> optuna.Study:
        return optuna.load_study(study_name="rates", storage=storage(f"sqlite:///{self.folder}/lora-study.db"))

    @property
    def states(self) -> dict[int, str]:
        return {t.number: t.state.name for t in self.study.trials}

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.folder}/mlflow.db")

    def runs(self, level: str) -> dict[str, Run]:
        """The study's runs of that level by the number of their trial, and that of their fold where they have one."""
        experiment = self.client.get_experiment_by_name("rates").experiment_id
        tags = "lora_study."
        return {
            f"{r.data.tags.get(f'{tags}trial', '')}{r.data.tags.get(f'{tags}fold', '')}": r
            for r in self.client.search_runs([experiment], f"tags.`{tags}level` = '{level}'")
        }

    def report(self, name: str) -> str:
        return (self.folder / "reports" / "rates" / name).read_text(encoding="utf-8")

    def chosen(self, trial: str) -> int:
        wanted = Wanted("rates", f"sqlite:///{self.folder}/lora-study.db", trial, ("merged",))
        return prepare(wanted, self.config(2, f"choice(0.001,{DIVERGES})")).chosen.trial


def home(folder: Path) -> Home:
    rng = np.random.default_rng(0)
    rows = [{"t": f"{'ba'[i % 2]} {' '.join(rng.choice(list('cdefgh'), 6))} {i}", "y": i % 2} for i in range(40)]
    write_csv(folder / "t.csv", rows)
    save_model(folder / "model")
    return Home(folder)


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, int, int]:
    """A study of a rate that learns and one that diverges: its home, and the numbers of the two trials."""
    made = home(tmp_path_factory.mktemp("rates"))
    assert made.run(2) == 0
    bad = next(t.number for t in made.study.trials if t.params["train.lr"] == DIVERGES)
    return made, 1 - bad, bad


def test_a_trial_that_diverges_fails_with_its_reason_and_the_other_does_not(diverged: tuple[Home, int, int]) -> None:
    made, good, bad = diverged
    assert made.states == {good: "COMPLETE", bad: "FAIL"}
    trials = made.runs("trial")
    assert {number: run.info.status for number, run in trials.items()} == {str(good): "FINISHED", str(bad): "FAILED"}
    assert re.fullmatch(ERROR, trials[str(bad)].data.tags["lora_study.error"])
    runs = [*trials.values(), *made.runs("fold").values()]
    assert all(math.isfinite(v) for run in runs for v in run.data.metrics.values())
    for name in ("report.md", "index.html"):
        assert re.search(f"1 trial failed: {ERROR}", made.report(name))


def test_an_export_chooses_the_trial_that_did_not_diverge(diverged: tuple[Home, int, int]) -> None:
    made, good, bad = diverged
    for trial in ("best", "params<=100000", str(good)):
        assert made.chosen(trial) == good
    with pytest.raises(ConfigError, match=f"trial={bad}: has failed \\({ERROR}\\); choose a complete trial, or best"):
        made.chosen(str(bad))


@pytest.fixture
def again(diverged: tuple[Home, int, int], tmp_path: Path) -> tuple[Home, int, int]:
    """A copy of its stores, to be gone on with; the model and the data stay where they are."""
    made, good, bad = diverged
    for name in ("lora-study.db", "mlflow.db"):
        shutil.copy(made.folder / name, tmp_path / name)

    class Moved(Home):
        def config(self, trials: int, rates: str) -> StudyConfig:
            here, there = Home.config(self, trials, rates), made.config(trials, rates)
            return replace(here, task=there.task, model=there.model)

    return Moved(tmp_path), good, bad


def kept(made: Home, number: int) -> dict[str, Any]:
    return {k: v for k, v in made.study.trials[number].user_attrs.items() if k.startswith("fold:")}


def test_a_restart_to_a_larger_total_goes_on_beside_what_failed(
    again: tuple[Home, int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    made, good, bad = again
    before = {number: kept(made, number) for number in (good, bad)}
    assert made.run(4) == 0
    assert {number: kept(made, number) for number in (good, bad)} == before
    assert set(made.states.values()) == {"COMPLETE", "FAIL"}
    assert {run.info.status for run in made.runs("trial").values()} == {"FINISHED", "FAILED"}
    assert re.search(f"× {ERROR}", capsys.readouterr().out)
    assert made.chosen("best") == good


# What an earlier version kept of a fold as a result: a figure that is no number, and what is said of it now.
UNSOUND = {
    "loss": (math.nan, "its held-out loss is nan"),
    "macro_f1": (math.inf, "its held-out macro_f1 is inf"),
    "score": (math.nan, "its held-out score is nan"),
    "latency/ms": (-math.inf, "its latency/ms is -inf"),
}


def as_earlier(made: Home, good: int) -> dict[int, str]:
    """Trials that still run, each with a fold that an earlier version kept as a result: what is wrong by number."""
    study, client = made.study, made.client
    sound = study.trials[good]
    trial_run, fold_run, root = made.runs("trial")[str(good)], made.runs("fold")[f"{good}0"], made.runs("study")[""]
    out = {}
    for number, (name, (value, said)) in enumerate(UNSOUND.items(), len(study.trials)):
        raw = json.loads(sound.user_attrs["fold:0"]) | {"trial": number}
        raw["metrics"][name] = value
        raw["score"] = raw["metrics"]["score"]
        asked = json.loads(sound.user_attrs["configuration"])
        asked["train"]["lr"] = 1e-3 * number  # no trial repeats another
        attributes = {"configuration": json.dumps(asked), "fold:0": json.dumps(raw)}
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.RUNNING, params=sound.params, distributions=sound.distributions,
                user_attrs=attributes,
            )
        )  # fmt: skip
        mark = {"lora_study.trial": str(number)}
        parent = copied(client, trial_run, mark | {"mlflow.parentRunId": root.info.run_id}, {})
        fold = copied(client, fold_run, mark | {"mlflow.parentRunId": parent}, {name: value})
        client.set_terminated(fold, "FINISHED")
        out[number] = said
    study.set_user_attr(f"test:{good}", {"test/score": math.nan, "test/loss": math.nan})
    return out


def copied(client: MlflowClient, run: Run, tags: dict[str, str], figures: dict[str, float]) -> str:
    made = client.create_run(run.info.experiment_id, tags={**run.data.tags, **tags}, run_name=run.info.run_name)
    client.log_batch(made.info.run_id, metrics=[Metric(k, v, 0, 0) for k, v in figures.items()])
    return str(made.info.run_id)


def test_a_store_of_an_earlier_version_with_figures_that_are_none_opens_and_goes_on(
    again: tuple[Home, int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    made, good, bad = again
    faults = as_earlier(made, good)
    before = kept(made, good)
    assert made.run(2 + len(faults)) == 0
    assert made.states == {good: "COMPLETE", bad: "FAIL"} | dict.fromkeys(faults, "FAIL")
    assert kept(made, good) == before
    said, brief = capsys.readouterr().out, made.report("report.md")
    assert f"{1 + len(faults)} of {2 + len(faults)} trials failed" in said
    trials, folds = made.runs("trial"), made.runs("fold")
    for number, fault in faults.items():
        assert trials[str(number)].info.status == folds[f"{number}0"].info.status == "FAILED"
        assert fault in trials[str(number)].data.tags["lora_study.error"]
        assert fault in folds[f"{number}0"].data.tags["lora_study.error"]
        assert re.search(rf"[12] trials? failed: {re.escape(fault)}", brief)
    assert made.chosen("best") == good
    assert all(math.isfinite(v) for v in made.study.user_attrs[f"test:{good}"].values())  # it has been taken anew


def test_where_every_trial_failed_all_say_so_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = home(tmp_path)
    rates = f"choice({DIVERGES},{10 * DIVERGES})"
    assert made.run(2, rates) == 1
    assert set(made.states.values()) == {"FAIL"}
    said = capsys.readouterr().out
    assert "No trial is complete, so that there is no front." in said
    assert "2 of 2 trials failed:" in said
    assert re.search(f"  [12] × {ERROR}", said)
    for name in ("report.md", "index.html"):
        text = made.report(name)
        assert "No trial of this study is complete and scored, so there is nothing to recommend yet." in text
        assert re.search(f"[12] trials? failed: {ERROR}", text)
    wanted = Wanted("rates", made.config(2, rates).storage.url, "best", ("merged",))
    with pytest.raises(ConfigError, match="study=rates: has no complete trial"):
        prepare(wanted, made.config(2, rates))
