"""On the embedded encoder and task, in float32: packs, caches and precision leave a fold's score where it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import configuration, frozen, member_of, predicted

from study.config.members import Member
from study.config.schema import Configuration, EngineConfig, ModelConfig, StudyConfig, StudySettings, TaskConfig
from study.engine.fit import Fit
from study.engine.shortcuts import prefix
from study.engine.workbench import Workbench
from study.search.plan import Plan
from study.search.planning import make_plan

MIXED = [
    configuration(epochs=1, **method)
    for method in (
        {"kind": "lora", "rank": 4, "layers": "top-half"},
        {"kind": "lora", "rank": 8, "layers": "top-1", "targets": "all-linear", "lam": 3.0, "lr": 1e-2},
        {"kind": "factorized", "rank": 16, "layers": "top-half", "targets": "ffn", "lam": 30.0},
        {"kind": "factorized", "rank": 8, "layers": "top-1", "residual": "drop", "targets": "attention"},
        {"kind": "head", "lr": 3e-2},
        {"kind": "lora", "rank": 2, "layers": "top-1", "dropout": 0.1},
        {"kind": "lora", "rank": 32, "layers": "top-1", "lr": 2e-2, "weight_decay": 0.1},
        {"kind": "factorized", "rank": 1, "layers": "top-half", "lam": 100.0},
    )
]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(StudyConfig(StudySettings(folds=3), TaskConfig(limit=48, test_fraction=0)))


@pytest.fixture(scope="module")
def bench(plan: Plan) -> Workbench:
    return Workbench(plan.data, torch.device("cpu"))


def scores(members: list[Member], bench: Workbench, cached: bool = True) -> list[float]:
    return [course.scores["accuracy"] for course in Fit(members, bench, cached).run()]


@pytest.mark.long
def test_the_score_is_that_of_training_alone_to_within_one_example(plan: Plan, bench: Workbench) -> None:
    members = [member_of(i, i % 3, c, i % 3, bench) for i, c in enumerate(MIXED)]
    alone = [scores([m], bench)[0] for m in members]
    one = 1 / min(len(f.valid) for f in plan.folds) + 1e-9
    assert len(set(alone)) > 3  # else nothing could differ
    for order in ([0, 1, 2], [6, 5, 3], [7, 6, 5, 4, 3, 2, 1, 0]):
        assert scores([members[i] for i in order], bench) == pytest.approx([alone[i] for i in order], abs=one)
    whole = [scores([m], bench, cached=False)[0] for m in (members[1], members[4])]
    assert whole == pytest.approx([alone[1], alone[4]], abs=one)


def test_bfloat16_starts_at_the_same_model_to_within_its_rounding(bench: Workbench) -> None:
    def logits(precision: str) -> torch.Tensor:
        told = replace(MIXED[0], model=ModelConfig(precision=precision))
        fit = Fit([member_of(0, 0, told, 1, bench)], bench)
        try:
            assert all(t.dtype == torch.float32 for t, _ in fit.pack.trained_tensors())
            return torch.from_numpy(predicted(fit, fit.courses[0].fold.valid))
        finally:
            fit.pack.close()

    whole, half = logits("float32"), logits("bfloat16")
    assert 0 < (whole - half).abs().max() < 0.05 * whole.abs().max()


def test_without_room_on_disk_everything_is_computed_and_the_same(plan: Plan, bench: Workbench) -> None:
    tight = Workbench(plan.data, torch.device("cpu"), EngineConfig(cache_gb=0))
    for told in (MIXED[2], MIXED[4]):
        losses = [Fit([member_of(0, 0, told, 1, where)], where).run()[0].loss for where in (tight, bench)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    (note,) = tight.notes
    assert "engine.cache_gb" in note


def test_a_second_bench_computes_nothing_that_the_first_has_kept(
    plan: Plan, bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: Configuration = MIXED[2]
    expected = scores([member_of(0, 0, told, 1, bench)], bench)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    second = Workbench(plan.data, torch.device("cpu"))
    frozen(second, told.model).cut(3)  # found by trying, which takes a few tokens through the model
    monkeypatch.setattr(prefix, "entering_states", never)
    monkeypatch.setattr(torch.linalg, "svd", never)
    assert scores([member_of(0, 0, told, 1, second)], second) == expected
