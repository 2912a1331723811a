"""A new kind of task is its own files: those of tests/newkind, each in the room that it is for, and nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from problemcontract import ClassifiedContract, halves
from tiny import configuration

import study.data.kinds
import study.engine.problems
import study.models.kinds
import study.scoring.references
import study.tasks
from study.config.members import Member
from study.config.schema import ModelConfig, StudyConfig, StudySettings, TaskConfig
from study.core.errors import ConfigError
from study.engine.train import train_pack
from study.engine.workbench import StudyData, Workbench
from study.search.plan import Plan
from study.search.planning import make_plan

FILES = Path(__file__).parents[1] / "newkind"
ROOMS = {
    "kinds": study.data.kinds, "references": study.scoring.references, "models": study.models.kinds,
    "problems": study.engine.problems, "tasks": study.tasks,
}  # fmt: skip
MIXER = ModelConfig("mixer")


@pytest.fixture(scope="module", autouse=True)
def _the_new_files_lie_in_their_rooms() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for folder, room in ROOMS.items():
            patch.setattr(room, "__path__", [*room.__path__, str(FILES / folder)])
        importlib.invalidate_caches()
        yield
        for name in [name for name in sys.modules if name.startswith("study.") and name.endswith(".points")]:
            del sys.modules[name]
    importlib.invalidate_caches()


def planned(model: ModelConfig = MIXER) -> Plan:
    config = replace(
        StudyConfig(), task=TaskConfig(name="points"), model=model, study=StudySettings(folds=2),
        method=replace(StudyConfig().method, targets="all-linear", rank=2), space={"method.rank": "1,2"},
    )  # fmt: skip
    return make_plan(config)


def test_a_study_of_the_new_kind_is_planned_and_trains_as_a_pack() -> None:
    plan = planned()
    bench = Workbench(plan.data, torch.device("cpu"))
    chosen = [
        replace(configuration(epochs=20, lr=5e-2, targets="all-linear", rank=rank, **more), model=MIXER)
        for rank, more in ((2, {}), (1, {"lam": 100.0}), (3, {"kind": "factorized"}))
    ]
    members = [Member(i, 0, told, i, plan.adaptation(told)) for i, told in enumerate(chosen)]
    results = train_pack(members, bench)
    assert [result.error for result in results] == [None] * 3
    assert [result.metrics["pack/members"] for result in results] == [3] * 3
    assert all(result.score is not None and result.score >= 0.85 for result in results)
    assert results[0].metrics["params/adapter"] == 2 * (3 + 8) + 2 * (8 + 8)
    again = train_pack(members[:1], Workbench(plan.data, torch.device("cpu")))[0]
    assert again.score == results[0].score


def test_a_model_that_does_not_read_the_new_kind_is_refused_by_its_own_file() -> None:
    with pytest.raises(ConfigError, match=r"model.name=minilm: reads no points; write model.name=mixer"):
        planned(ModelConfig())


class TestPoints(ClassifiedContract):
    def bench(self, folder: Path) -> tuple[Workbench, ModelConfig]:
        examples = study.tasks.get("points").load(TaskConfig(name="points"), 0).take(np.arange(20))
        work = Workbench(StudyData(examples, halves(20)), torch.device("cpu"))
        work.encoder(MIXER).backbone.double()
        return work, MIXER
