"""What every launcher guarantees: each member comes back once, and only its own faults cost it anything."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from contracts.toy.here import Here
from tiny import configuration, letters, member_of, save_model, unfit

from study.config.members import Member
from study.config.schema import PRECISIONS, Configuration, EngineConfig, ModelConfig
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.launch import Launcher, Worker, WorkerDied
from study.launch.local import LocalLauncher

LAUNCHERS: dict[str, Callable[[int], Launcher]] = {"local": LocalLauncher, "here": lambda workers: Here()}
# What is said of a member that no process can unpickle; a launcher without processes of its own never unpickles it.
DEATHS = {"local": "its worker process died, twice", "here": "'Poison' object has no attribute"}


def started(name: str, workers: int) -> Launcher:
    """A launcher of that name, with workers that train on letters."""
    return LAUNCHERS[name](workers).start(Worker(letters(), EngineConfig()))


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
        with started(name, workers) as launcher:
            first, second = list(launcher.run(pairs(model))), list(launcher.run(pairs(model)[::-1]))
            assert list(launcher.run([])) == []
        assert by_member(first) == by_member(second)
        assert all(score is not None for score in by_member(first).values())
        outcomes.append(by_member(first))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_member_that_fails_brings_its_error_and_costs_no_other(name: str, model: ModelConfig) -> None:
    wrong = unfit(member_of(7, 0, of(model, rank=1), seed=0))
    with started(name, 2) as launcher:
        results = list(launcher.run([[wrong, *members(model)[:2]], members(model)[2:]]))
    (failed,) = [r for r in results if r.trial == 7]
    assert failed.score is None
    assert "has no attribute `no`" in str(failed.error)
    assert len(results) == 5
    assert all(r.error is None for r in results if r.trial != 7)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_member_that_kills_its_worker_costs_nothing_but_itself(name: str, model: ModelConfig) -> None:
    killer = replace(unfit(member_of(7, 0, of(model, rank=1), seed=0)), configuration=Poison())  # type: ignore[arg-type]
    with started(name, 2) as launcher:
        results = list(launcher.run([[m] for m in members(model)[:2]] + [[*members(model)[2:], killer]]))
        after = list(launcher.run([[m] for m in members(model)]))
    (error,) = [str(r.error) for r in results if r.trial == 7]
    assert DEATHS[name] in error
    assert by_member([r for r in results if r.trial != 7]) == by_member(after)
    assert all(score is not None for score in by_member(after).values())


@pytest.mark.parametrize("name", LAUNCHERS)
def test_how_many_pay_in_one_pack_is_at_least_one_and_no_more_than_there_are(name: str, model: ModelConfig) -> None:
    alike = [member_of(t, 0, of(model, rank=1), seed=0) for t in range(6)]
    impossible = [unfit(member_of(t, 0, of(model, rank=1), seed=0)) for t in range(6)]
    with started(name, 1) as launcher:
        assert launcher.pack_size(alike[:1]) == 1
        assert 1 <= launcher.pack_size(alike) <= 6
        assert launcher.pack_size(impossible) == 1  # its members' own training says what is wrong


def test_every_launcher_brings_the_same_results(model: ModelConfig) -> None:
    outcomes = []
    for name in LAUNCHERS:
        with started(name, 2) as launcher:
            outcomes.append(by_member(list(launcher.run(pairs(model)))))
    assert all(outcome == outcomes[0] for outcome in outcomes)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_worker_says_what_it_has_and_which_precision_is_faster_there(name: str) -> None:
    with started(name, 1) as launcher:
        device, precision = launcher.ask(Worker.device), launcher.ask(Worker.precision)
    assert device == (torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu")
    assert precision in PRECISIONS


def die(worker: Worker) -> None:
    os._exit(1)


def test_a_question_that_kills_its_worker_is_answered_so_and_the_next_one_is_answered() -> None:
    with started("local", 1) as launcher:
        with pytest.raises(WorkerDied):
            launcher.ask(die)
        assert launcher.ask(Worker.device)


@pytest.mark.parametrize("workers", [0, -1, 1.5, "two", True])
def test_a_number_of_workers_that_is_none_is_refused_where_nothing_has_started(workers: Any) -> None:
    with pytest.raises(ConfigError, match=f"launcher.workers={workers}: at least one process must train; write 1 or"):
        LocalLauncher(workers)


def test_what_was_made_and_not_started_holds_nothing() -> None:
    launcher = LocalLauncher(2)
    launcher.close()
    with pytest.raises(RuntimeError, match="a launcher starts before it is given work"):
        launcher.ask(Worker.device)
