"""A worker is made by the driver, travels, and begins where it arrives; what it measures, it measures there."""

from __future__ import annotations

import pickle

import pytest
from tiny import configuration, letters, member_of, workbench

from study.config.members import Member
from study.config.schema import EngineConfig, ModelConfig
from study.core.records import FoldResult
from study.launch import Worker
from study.launch.base import Launcher, WorkerDied
from study.search import decisions

MEMBER = member_of(0, 0, configuration(), 1)


def worker() -> Worker:
    made = Worker(workbench().data, EngineConfig())
    made._bench = workbench()
    return made


def test_a_worker_is_asked_nothing_before_it_has_begun() -> None:
    idle = Worker(letters(), EngineConfig())
    with pytest.raises(RuntimeError, match="a worker begins before it is asked anything"):
        idle.device()


def test_a_worker_that_travels_begins_where_it_arrives() -> None:
    begun = worker()
    assert begun.train([MEMBER])[0].error is None
    arrived = pickle.loads(pickle.dumps(begun))
    assert arrived._bench is None
    assert len(arrived.data.folds) == len(begun.data.folds)


@pytest.mark.parametrize(("count", "cores", "most"), [(9, 2, 4), (4, 2, 2), (3, 2, None), (8, 1, 8)])
def test_on_a_cpu_every_core_of_the_worker_has_a_pack_of_its_own(
    count: int, cores: int, most: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def measured(member: Member, largest: int, bench: object) -> int:
        asked.append(largest)
        return largest

    monkeypatch.setattr("study.launch.worker.cores", lambda: cores)
    monkeypatch.setattr("study.engine.costs.probe.pack_size", measured)
    assert worker().pack_size(MEMBER, count) == (most or 1)
    assert asked == ([most] if most else [])


@pytest.mark.parametrize(("precision", "loaded"), [("float32", True), ("auto", False)])
def test_the_model_is_loaded_at_the_start_once_its_precision_is_known(precision: str, loaded: bool) -> None:
    begun = Worker(letters(), EngineConfig(), ModelConfig(precision=precision))
    begun.begin()
    assert any(key[0] == "encoder" for key in begun.bench._known) == loaded


class Deadly(Launcher):
    """A launcher whose workers die of every question."""

    def start(self, worker: Worker) -> Deadly:
        return self

    def run(self, packs: list[list[Member]]) -> list[FoldResult]:  # type: ignore[override]
        return []

    def ask(self, question: object, *arguments: object) -> object:  # type: ignore[override]
        raise WorkerDied

    def close(self) -> None:
        """Nothing runs."""


def test_where_a_question_kills_the_worker_packs_are_of_one_and_products_in_float32() -> None:
    assert Deadly().pack_size([MEMBER] * 4) == 1
    assert decisions.ask(Deadly()) == {"model.precision": "float32"}
