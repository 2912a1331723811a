"""A round trains in the packs that it began in, and pack sizes are decided once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from tiny import configuration, member_of

from study.config.members import Member
from study.config.schema import EngineConfig, ModelConfig, StudyConfig
from study.core.records import FoldResult
from study.data.examples import Texts
from study.launch import Packs
from study.models import backbones
from study.search.driver import Driver

MEMBERS = [member_of(t, f, configuration(rank=1 + t), seed=f) for t in range(4) for f in range(2)]


class Recorder:
    """A launcher that trains nothing, a ledger without a database and a progress that is silent."""

    def __init__(self, size: int) -> None:
        self.size, self.asked, self.ran, self.sizes = size, 0, [], {}
        self.said: list[tuple[str, ...]] = []
        self.workers, self.ready = 1, 0

    def run(self, packs: list[list[Member]], more: Callable[[], Packs]) -> Iterator[FoldResult]:
        self.ran = [[(m.trial, m.fold) for m in pack] for pack in packs]
        yield from (FoldResult(m.trial, m.fold, 0.5, notes=("heard",)) for pack in packs for m in pack)

    def pack_size(self, members: list[Member]) -> int:
        self.asked += 1
        return self.size

    def pack_sizes(self) -> dict[str, int]:
        return dict(self.sizes)

    def keep_pack_size(self, group: str, size: int) -> None:
        self.sizes[group] = size

    def say(self, notes: tuple[str, ...]) -> None:
        self.said.append(notes)


def driver(recorder: Recorder, pack: str = "auto") -> Driver:
    geometry = backbones.geometry(ModelConfig(), Texts((), np.arange(0), ()))
    config = StudyConfig(engine=EngineConfig(pack=pack))
    plan: Any = SimpleNamespace(config=config, geometry=lambda model: geometry, tolerance=0.01)
    parts: Any = recorder
    return Driver(plan, parts, parts, parts, parts)


def names(results: Iterator[FoldResult]) -> list[tuple[int, int]]:
    return sorted((r.trial, r.fold) for r in results)


def test_an_interrupted_round_goes_on_in_whole_packs_and_brings_only_what_was_missing() -> None:
    recorder = Recorder(size=2)
    assert len(names(driver(recorder).train(MEMBERS, set()))) == 8
    assert recorder.ran == [[(0, 0), (1, 0)], [(2, 0), (3, 0)], [(0, 1), (1, 1)], [(2, 1), (3, 1)]]
    known = {(0, 0), (1, 0), (2, 0)}  # one pack and a half had come back
    assert names(driver(recorder).train(MEMBERS, known)) == [(0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]
    assert recorder.ran == [[(2, 0), (3, 0)], [(0, 1), (1, 1)], [(2, 1), (3, 1)]]


def test_a_pack_size_is_measured_once_a_study_and_not_where_it_is_configured() -> None:
    recorder = Recorder(size=3)
    for _ in range(2):  # the second driver is a resumed study
        names(driver(recorder).train(MEMBERS, set()))
    assert recorder.asked == 1
    assert max(map(len, recorder.ran)) == 3
    names(driver(recorder, pack="8").train(MEMBERS, set()))
    assert recorder.asked == 1
    assert max(map(len, recorder.ran)) == 8


def test_notes_of_workers_are_handed_on() -> None:
    recorder = Recorder(size=1)
    names(driver(recorder).train(MEMBERS[:1], set()))
    assert recorder.said == [("heard",)]
