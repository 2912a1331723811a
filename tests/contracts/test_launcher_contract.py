"""What every launcher guarantees: each member comes back once, and only its own faults cost it anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tiny import configuration, letters, member_of, save_model, unfit

from study.config.members import Member
from study.config.schema import Configuration, EngineConfig, ModelConfig
from study.core.records import FoldResult
from study.launch import Launcher
from study.launch.local import LocalLauncher

LAUNCHERS: dict[str, Callable[[int], Launcher]] = {
    "local": lambda workers: LocalLauncher(letters(), EngineConfig(), workers)
}


class Poison:
    """Kills the process that unpickles it."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelConfig:
    return ModelConfig(name=str(save_model(tmp_path_factory.mktemp("model"))))


def of(model: ModelConfig, **method: Any) -> Configuration:
    return replace(configuration(batch_size=4, **method), model=model)


def members(model: ModelConfig) -> list[Member]:
    return [member_of(t, f, of(model, rank=1 + t), seed=f) for t in range(2) for f in range(2)]


def pairs(model: ModelConfig) -> list[list[Member]]:
    return [members(model)[:2], members(model)[2:]]


def by_member(results: list[FoldResult]) -> dict[tuple[int, int], float | None]:
    assert len({(r.trial, r.fold) for r in results}) == len(results)
    return {(r.trial, r.fold): r.score for r in results}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_every_member_comes_back_once_and_workers_change_nothing(name: str, model: ModelConfig) -> None:
    outcomes = []
    for workers in (1, 2):
        with LAUNCHERS[name](workers) as launcher:
            first, second = list(launcher.run(pairs(model))), list(launcher.run(pairs(model)[::-1]))
            assert list(launcher.run([])) == []
        assert by_member(first) == by_member(second)
        assert all(score is not None for score in by_member(first).values())
        outcomes.append(by_member(first))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_member_that_fails_brings_its_error_and_costs_no_other(name: str, model: ModelConfig) -> None:
    wrong = unfit(member_of(7, 0, of(model, rank=1), seed=0))
    with LAUNCHERS[name](2) as launcher:
        results = list(launcher.run([[wrong, *members(model)[:2]], members(model)[2:]]))
    (failed,) = [r for r in results if r.trial == 7]
    assert failed.score is None
    assert "has no attribute `no`" in str(failed.error)
    assert len(results) == 5
    assert all(r.error is None for r in results if r.trial != 7)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_member_that_kills_its_worker_costs_nothing_but_itself(name: str, model: ModelConfig) -> None:
    killer = replace(unfit(member_of(7, 0, of(model, rank=1), seed=0)), configuration=Poison())  # type: ignore[arg-type]
    with LAUNCHERS[name](2) as launcher:
        results = list(launcher.run([[m] for m in members(model)[:2]] + [[*members(model)[2:], killer]]))
        after = list(launcher.run([[m] for m in members(model)]))
    assert [r.error for r in results if r.trial == 7] == ["its worker process died, twice"]
    assert by_member([r for r in results if r.trial != 7]) == by_member(after)
    assert all(score is not None for score in by_member(after).values())


@pytest.mark.parametrize("name", LAUNCHERS)
def test_how_many_pay_in_one_pack_is_at_least_one_and_no_more_than_there_are(name: str, model: ModelConfig) -> None:
    alike = [member_of(t, 0, of(model, rank=1), seed=0) for t in range(6)]
    impossible = [unfit(member_of(t, 0, of(model, rank=1), seed=0)) for t in range(6)]
    with LAUNCHERS[name](1) as launcher:
        assert launcher.pack_size(alike[:1]) == 1
        assert 1 <= launcher.pack_size(alike) <= 6
        assert launcher.pack_size(impossible) == 1  # its members' own training says what is wrong
