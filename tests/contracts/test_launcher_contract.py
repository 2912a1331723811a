"""What every launcher guarantees: each member comes back once, and only its own faults cost it anything."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import rays
import torch
from contracts.toy.here import Here
from deadly import Poison, die, process_of, waylay
from tiny import configuration, letters, member_of, save_model, unfit

from study.config.members import Member
from study.config.schema import PRECISIONS, Configuration, EngineConfig, ModelConfig
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.launch import Launcher, Packs, Worker, WorkerDied
from study.launch.local import LocalLauncher
from study.launch.ray import RayLauncher
from study.launch.slurm import SlurmLauncher

LAUNCHERS: dict[str, Callable[[int], Launcher]] = {
    "local": LocalLauncher,
    "here": lambda workers: Here(),
    "ray": lambda workers: RayLauncher(rays.address(), workers),
    "slurm": lambda workers: SlurmLauncher("local", workers),
}
SLOW = ["ray", "slurm"]  # whose processes begin from nothing
NAMES = [pytest.param(name, marks=pytest.mark.long) if name in SLOW else name for name in LAUNCHERS]
# What is said of a member that no process can unpickle; a launcher without processes of its own never unpickles it.
DIED = "its worker process died, twice"
DEATHS = {"local": DIED, "ray": DIED, "slurm": DIED, "here": "'Poison' object has no attribute"}


# Launchers whose workers are processes of their own, which can die.
PROCESSES = [name for name in NAMES if name != "here"]


def started(name: str, workers: int) -> Launcher:
    """A launcher of that name, with workers that train on letters."""
    return LAUNCHERS[name](workers).start(Worker(letters(), EngineConfig()))


def kill(process: int) -> None:
    """Kill it, unless its launcher has ended it already, and wait until it is gone."""
    with suppress(psutil.NoSuchProcess):
        victim = psutil.Process(process)
        victim.kill()
        victim.wait(30)


@pytest.fixture(autouse=True)
def _processes_to_come_import_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    rays.import_tests(monkeypatch)


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


@pytest.mark.parametrize("name", NAMES)
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


@pytest.mark.parametrize("name", NAMES)
def test_packs_may_be_told_one_by_one_and_more_may_follow_what_has_been_taken(name: str, model: ModelConfig) -> None:
    taken: list[FoldResult] = []
    following = [iter([[member_of(9, 0, of(model, rank=1), seed=0)]]), [[member_of(8, 0, of(model, rank=2), seed=0)]]]

    def more() -> Packs:
        return following.pop() if following and len(taken) == 6 - len(following) else []

    with started(name, 2) as launcher:
        for result in launcher.run(iter(pairs(model)), more):
            taken.append(result)
    assert following == []
    assert by_member(taken).keys() == {(0, 0), (0, 1), (1, 0), (1, 1), (8, 0), (9, 0)}
    assert [(r.trial, r.error) for r in taken[-2:]] == [(8, None), (9, None)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("closed_first", [False, True])
def test_a_run_that_nobody_follows_any_more_may_end_before_its_launcher_or_after_it(
    name: str, closed_first: bool, model: ModelConfig
) -> None:
    with started(name, 2) as launcher:
        run = cast(Generator[FoldResult, None, None], launcher.run([[m] for m in members(model)]))
        assert next(run).error is None
        if not closed_first:
            run.close()
    run.close()  # as it is where an error that has left the launcher still holds it


@pytest.mark.parametrize("name", NAMES)
def test_a_member_that_fails_brings_its_error_and_costs_no_other(name: str, model: ModelConfig) -> None:
    wrong = unfit(member_of(7, 0, of(model, rank=1), seed=0))
    with started(name, 2) as launcher:
        results = list(launcher.run([[wrong, *members(model)[:2]], members(model)[2:]]))
    (failed,) = [r for r in results if r.trial == 7]
    assert failed.score is None
    assert "has no attribute `no`" in str(failed.error)
    assert len(results) == 5
    assert all(r.error is None for r in results if r.trial != 7)


@pytest.mark.parametrize("name", NAMES)
def test_a_member_that_kills_its_worker_costs_nothing_but_itself(name: str, model: ModelConfig) -> None:
    killer = replace(unfit(member_of(7, 0, of(model, rank=1), seed=0)), configuration=Poison())  # type: ignore[arg-type]
    with started(name, 2) as launcher:
        results = list(launcher.run([[m] for m in members(model)[:2]] + [[*members(model)[2:], killer]]))
        after = list(launcher.run([[m] for m in members(model)]))
    (error,) = [str(r.error) for r in results if r.trial == 7]
    assert DEATHS[name] in error
    assert by_member([r for r in results if r.trial != 7]) == by_member(after)
    assert all(score is not None for score in by_member(after).values())


@pytest.mark.parametrize("name", NAMES)
def test_how_many_pay_in_one_pack_is_at_least_one_and_no_more_than_there_are(name: str, model: ModelConfig) -> None:
    alike = [member_of(t, 0, of(model, rank=1), seed=0) for t in range(6)]
    impossible = [unfit(member_of(t, 0, of(model, rank=1), seed=0)) for t in range(6)]
    with started(name, 1) as launcher:
        assert launcher.pack_size(alike[:1]) == 1
        assert 1 <= launcher.pack_size(alike) <= 6
        assert launcher.pack_size(impossible) == 1  # its members' own training says what is wrong


@pytest.mark.parametrize("name", [name for name in NAMES if name != "here"])
def test_every_launcher_brings_the_same_results(name: str, model: ModelConfig) -> None:
    outcomes = []
    for each in (name, "here"):
        with started(each, 2) as launcher:
            outcomes.append(by_member(list(launcher.run(pairs(model)))))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_worker_says_what_it_has_and_which_precision_is_faster_there(name: str) -> None:
    with started(name, 1) as launcher:
        device, precision = launcher.ask(Worker.device), launcher.ask(Worker.precision)
    assert device == (torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu")
    assert precision in PRECISIONS


@pytest.mark.parametrize("name", NAMES)
def test_a_worker_that_idles_says_what_a_configuration_costs_alone_or_why_it_cannot(
    name: str, model: ModelConfig
) -> None:
    member = member_of(0, 0, of(model, rank=2), seed=0)
    with started(name, 2) as launcher:
        costs, impossible = launcher.ask(Worker.costs_alone, [member, unfit(member)], 2, 0.0)
    assert costs.error is None
    for figure in ("alone/train_seconds", "alone/tokens_per_second", "alone/latency_ms"):
        assert costs.figures[figure] > 0
        assert costs.figures[f"{figure}_iqr"] >= 0
    assert impossible.figures == {}
    assert "has no attribute `no`" in str(impossible.error)


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_dies_while_nothing_is_asked_of_it_costs_nothing(
    name: str, workers: int, model: ModelConfig
) -> None:
    with started(name, workers) as launcher:
        kill(launcher.ask(process_of))
        first = by_member(list(launcher.run(pairs(model))))
        kill(launcher.ask(process_of))
        assert launcher.ask(Worker.device)
        kill(launcher.ask(process_of))
        assert launcher.pack_size(members(model)[:1]) == 1
        assert by_member(list(launcher.run(pairs(model)))) == first
    assert len(first) == 4
    assert all(score is not None for score in first.values())


@pytest.mark.parametrize("name", PROCESSES)
def test_a_worker_that_dies_in_the_middle_costs_nothing(name: str, model: ModelConfig) -> None:
    singles = [[m] for m in members(model)]
    with started(name, 1) as launcher:
        undisturbed, process = by_member(list(launcher.run(singles))), launcher.ask(process_of)
        results = []
        for result in launcher.run(singles):
            results.append(result)
            if len(results) == 1:
                kill(process)
    assert by_member(results) == undisturbed
    assert all(score is not None for score in undisturbed.values())


@pytest.mark.parametrize("name", PROCESSES)
@pytest.mark.parametrize("company", [0, 1])
def test_a_member_is_trained_alone_twice_more_before_it_fails(
    name: str, company: int, model: ModelConfig, tmp_path: Path
) -> None:
    ill, *others = members(model)
    weak, deadly = (waylay(ill, "die", tmp_path / f"{n}", n) for n in (2, 9))
    with started(name, 2) as launcher:
        recovered = list(launcher.run([[weak, *others[:company]], others[company:]]))
        failed = list(launcher.run([[deadly, *others[:company]], others[company:]]))
    assert all(score is not None for score in by_member(recovered).values())
    ((key, error),) = [((r.trial, r.fold), r.error) for r in failed if r.error]
    assert key == (0, 0)
    assert DIED in str(error)
    assert (tmp_path / "2").stat().st_size == 3
    # Once, which may be chance, and twice alone; in a pack that is thrice with the pack, and twice alone.
    assert (tmp_path / "9").stat().st_size == (3 if company == 0 else 5)
    assert len(by_member(failed)) == 4


def test_a_process_that_dies_as_it_is_given_a_pack_loses_nothing(
    model: ModelConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalLauncher(2).start(Worker(letters(), EngineConfig())) as launcher:
        undisturbed, asked = by_member(list(launcher.run(pairs(model)))), []
        ask = launcher.staff.ask

        def kill_and_ask(aide: Any, question: Any, *arguments: Any) -> None:
            asked.append(question)
            if len(asked) == 3:
                kill(aide.process.pid)
            ask(aide, question, *arguments)

        monkeypatch.setattr(launcher.staff, "ask", kill_and_ask)
        results = by_member(list(launcher.run([[m] for m in members(model)])))
    assert len(asked) == 5
    assert results.keys() == undisturbed.keys()
    assert all(score is not None for score in results.values())


def test_a_launcher_whose_processes_cannot_begin_says_so_of_each_member(model: ModelConfig) -> None:
    with LocalLauncher(2).start(Poison()) as launcher:  # type: ignore[arg-type]
        with pytest.raises(WorkerDied):
            launcher.ask(Worker.device)
        results = list(launcher.run([[m] for m in members(model)[:2]]))
    assert [r.error for r in results] == [DIED] * 2


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
