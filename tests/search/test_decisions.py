"""What a machine decides is kept with the study for other machines, and is no part of what the study is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tables import reviews, write_csv
from tiny import save_model

from study.config.options import UNTRACKED
from study.config.schema import (
    MethodConfig,
    ModelConfig,
    SearchConfig,
    StorageConfig,
    StudyConfig,
    StudySettings,
    TaskConfig,
    TrainConfig,
)
from study.config.space import parse_space
from study.config.values import plain
from study.core.errors import ResumeError
from study.core.records import Fold
from study.data.examples import Texts
from study.launch import Worker
from study.search.decisions import DECISIONS, PRECISION, recall
from study.search.driver import run_study
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.resume import VALUES
from study.search.stored import CONFIG, configuration_of, find

HERE = {"_target_": "contracts.toy.here.Here"}


def plan(folder: Path, precision: str) -> Plan:
    config = replace(
        StudyConfig(), model=ModelConfig(precision=precision), space={"method.rank": "choice(1,2)"},
        storage=StorageConfig(f"sqlite:///{folder / 'a.db'}"),
    )  # fmt: skip
    folds = (Fold(0, np.arange(4), np.arange(4, 8)),)
    examples = Texts(("a",) * 8, np.arange(8) % 2, ("n", "p"))
    return Plan(config, parse_space(config), examples, folds, "folds", np.arange(0))


def decided(folder: Path, precision: str) -> Plan:
    """The plan of a study that left its precision to a machine, which chose this one."""
    return plan(folder, "auto").with_decisions({PRECISION: precision})


def test_a_decision_is_what_trials_train_in_and_no_part_of_what_the_study_is(tmp_path: Path) -> None:
    one, other = decided(tmp_path, "bfloat16"), decided(tmp_path, "float32")
    assert one.config.configuration.model.precision == "bfloat16"
    assert one.values == other.values
    assert one.fingerprint == other.fingerprint != plan(tmp_path, "bfloat16").fingerprint
    assert one.values[PRECISION] == "auto"
    assert "model.precision=auto is bfloat16 in this study, as it was chosen at its start" in one.notes
    assert not any("auto" in note for note in plan(tmp_path, "float32").notes)


def test_another_machine_goes_on_as_the_first_one_decided(tmp_path: Path) -> None:
    auto = plan(tmp_path, "auto").config
    assert recall(auto) == {}
    assert list(tmp_path.iterdir()) == []
    Ledger(decided(tmp_path, "bfloat16")).keep_config()
    assert recall(auto) == {PRECISION: "bfloat16"}
    assert recall(plan(tmp_path, "float32").config) == {}  # nothing is left to a machine
    ledger = Ledger(plan(tmp_path, "auto").with_decisions(recall(auto)))
    assert [configuration_of(t).model.precision for t in ledger.ask_until(2)] == ["bfloat16"] * 2


def test_a_decision_may_be_written_out_and_no_other_value(tmp_path: Path) -> None:
    Ledger(decided(tmp_path, "bfloat16")).keep_config()
    with pytest.raises(ResumeError, match=r"another model.precision \(bfloat16 before, float32 now\)"):
        Ledger(plan(tmp_path, "float32"))
    Ledger(plan(tmp_path, "bfloat16")).keep_config()
    Ledger(decided(tmp_path, "bfloat16")).keep_config()
    with pytest.raises(ResumeError, match=r"another model.precision \(bfloat16 before, float32 now\)"):
        Ledger(decided(tmp_path, "float32"))


@pytest.mark.parametrize("kept", [(CONFIG, VALUES), (CONFIG,)], ids=["with its values", "with its mark alone"])
def test_a_study_that_kept_its_precision_as_if_it_had_been_written_goes_on(tmp_path: Path, kept: tuple[str]) -> None:
    """As versions did that settled it before they planned, each time anew."""
    before = plan(tmp_path, "bfloat16")
    ledger = Ledger(before)
    content = {CONFIG: plain(before.config), VALUES: before.values}
    for key in kept:
        ledger.study.set_user_attr(key, json.dumps(content[key]))
    auto = plan(tmp_path, "auto")
    assert recall(auto.config) == {PRECISION: "bfloat16"}
    Ledger(auto.with_decisions(recall(auto.config))).keep_config()
    assert find(auto.config.storage.url, "study")[0].user_attrs[DECISIONS] == {PRECISION: "bfloat16"}


def test_a_worker_decides_at_the_first_start_and_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def precision(self: Worker) -> str:
        asked.append(self.device())
        return ["bfloat16", "float32"][len(asked) - 1]  # another machine would say something else

    monkeypatch.setattr(Worker, "precision", precision)
    write_csv(tmp_path / "t.csv", reviews(48))
    for trials in (1, 2):
        config = StudyConfig(
            study=StudySettings("mine", trials=trials, folds=2),
            task=TaskConfig("file", path=str(tmp_path / "t.csv"), text="review", label="stars", test_fraction=0.0),
            model=ModelConfig(str(save_model(tmp_path / "model")), max_length=16, precision="auto"),
            method=MethodConfig("lora", rank=2, layers="top-1"),
            train=TrainConfig(epochs=1),
            search=SearchConfig(baselines=[]),
            space={"method.rank": "choice(1,2)"},
            launcher=HERE,
            storage=StorageConfig(f"sqlite:///{tmp_path}/studies.db"),
            tracking=UNTRACKED,
        )
        assert run_study(config, [], lambda _: tmp_path / "none") == 0
    study, last = find(f"sqlite:///{tmp_path}/studies.db", "mine")
    assert len(asked) == 1
    assert [configuration_of(t).model.precision for t in study.trials] == ["bfloat16"] * 2
    assert last.model.precision == "bfloat16"
