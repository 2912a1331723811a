"""A worker that never answers is killed after `launcher.timeout`; what it held is tried once more, then fails."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from deadly import process_of, stop_worker, waylay
from quick import QuickLauncher, Stuck, score_of
from tiny import configuration, member_of

from study.config.compose import compose
from study.config.members import Member
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.launch import Worker, WorkerDied, make, staff, watch
from study.launch.carrier import Seat
from study.launch.crew import Crew
from study.launch.local import LocalLauncher
from study.launch.staff import Staff
from study.launch.watch import Watch

HOW = ["stop", "sleep"]
SHORT = 1.0  # seconds that a pack may take here, where it takes none; whoever is slow is tried again
MEMBERS = [member_of(t, f, configuration(rank=1 + t), seed=f) for t in range(3) for f in range(2)]


def started(workers: int = 2, timeout: object = SHORT) -> LocalLauncher:
    return QuickLauncher(workers, timeout).start(Worker(None, None))  # type: ignore[arg-type]


def by_member(results: list[FoldResult]) -> dict[tuple[int, int], FoldResult]:
    assert len({(r.trial, r.fold) for r in results}) == len(results)
    return {(r.trial, r.fold): r for r in results}


def is_right(result: FoldResult) -> bool:
    return result.score == score_of(result.trial, result.fold)


@pytest.mark.parametrize("how", HOW)
def test_a_member_that_hangs_is_tried_once_more_and_then_fails_by_name(how: str, tmp_path: Path) -> None:
    hung = waylay(MEMBERS[0], how, tmp_path / "tries")
    with started() as launcher:
        results = by_member(list(launcher.run([[hung], *([m] for m in MEMBERS[1:])])))
    failed = results.pop((0, 0))
    said = f"its worker had no answer within launcher.timeout={SHORT}, twice; write a longer one"
    assert (failed.error, failed.transient) == (said, True)
    assert (tmp_path / "tries").stat().st_size == 2
    assert len(results) == 5
    assert all(map(is_right, results.values()))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_hung_once_by_chance_costs_nothing(how: str, workers: int, tmp_path: Path) -> None:
    hung = waylay(MEMBERS[0], how, tmp_path / "tries", times=1)
    with started(workers) as launcher:
        results = by_member(list(launcher.run([[hung, MEMBERS[1]], MEMBERS[2:4], MEMBERS[4:]])))
    assert len(results) == 6
    assert all(map(is_right, results.values()))
    assert (tmp_path / "tries").stat().st_size == 2


def test_a_pack_that_hangs_is_halved_until_the_member_stands_alone(tmp_path: Path) -> None:
    hung = waylay(MEMBERS[2], "stop", tmp_path / "tries")
    with started() as launcher:
        results = by_member(list(launcher.run([[*MEMBERS[:2], hung, MEMBERS[3]], MEMBERS[4:]])))
    assert [key for key, result in results.items() if result.error] == [(1, 0)]
    assert len(results) == 6


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_stopped_while_it_idles_costs_nothing(workers: int) -> None:
    with started(workers) as launcher:
        os.kill(launcher.ask(process_of), signal.SIGSTOP)
        results = list(launcher.run([[m] for m in MEMBERS]))
    assert sorted(map(is_right, results)) == [True] * 6


def test_a_worker_that_hangs_as_it_begins_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff, "BEGINNING", 2.0)
    stuck = QuickLauncher(1, SHORT)
    stuck.stand_in = partial(Stuck, tmp_path / "tries", times=2)
    with stuck.start(Worker(None, None)) as launcher:  # type: ignore[arg-type]
        results = by_member(list(launcher.run([MEMBERS])))
    assert len(results) == 6
    assert all(map(is_right, results.values()))
    assert (tmp_path / "tries").stat().st_size == 3


def test_a_question_that_no_worker_answers_is_answered_so() -> None:
    with started() as launcher:
        with pytest.raises(WorkerDied):
            launcher.ask(stop_worker)
        assert launcher.ask(process_of)


@pytest.mark.parametrize("timeout", [None, SHORT])
def test_whoever_ends_leaves_no_worker_though_it_is_stopped(timeout: object) -> None:
    launcher = started(2, timeout)
    processes = [psutil.Process(launcher.ask(process_of)) for _ in range(4)]
    processes[0].suspend()
    launcher.close()
    assert psutil.wait_procs(processes, timeout=60)[1] == []


def test_without_a_timeout_nobody_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 10**9, 10**5))
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: next(now)))
    with started(1, None) as launcher:
        assert sorted(map(is_right, launcher.run([[m] for m in MEMBERS]))) == [True] * 6


def test_time_for_which_the_driver_itself_was_stopped_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that slept, or Ctrl-Z: nobody had looked, and the worker may have been stopped with it."""
    now = [0.0]
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    watched: Any = Staff(None, 0, limit=60.0)
    aide: Any = type("Aide", (), {"watched": 0.0, "ready": True})()
    for seconds in (1.0, 3600.0, 1.0):
        now[0] += seconds
        watched._watch([aide], 1.0)
    assert not watched.late
    for _ in range(60):
        now[0] += 1.0
        watched._watch([aide], 1.0)
    assert watched.late == {aide}


def test_of_a_clusters_workers_time_is_counted_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: now[0]))
    watched: Any = SimpleNamespace(_watch=Watch())
    seat = Seat(SimpleNamespace(answer=SimpleNamespace(remote=lambda question: "to come")), 0)
    for _ in range(2):
        answer = seat.ask(process_of)
        for seconds in (1.0, 3600.0, 1.0):
            now[0] += seconds
            assert Crew.late(watched, [(answer, seat)], limit=5.0) == []
            assert Crew.late(watched, [(answer, seat)], limit=None) == []
        now[0] += 1.5
        assert Crew.late(watched, [(answer, seat)], limit=5.0) == [answer]


@pytest.mark.parametrize("timeout", ["0", "-1", "soon", "10 parsecs", "nan", "inf", "true", "[1]"])
@pytest.mark.parametrize("launcher", ["local", "ray"])
def test_a_timeout_that_is_none_is_refused_where_nothing_has_started(launcher: str, timeout: str) -> None:
    with pytest.raises(ConfigError, match=r"launcher\.timeout=.*is no time that a pack may take; write seconds, or"):
        make(compose([f"launcher={launcher}", f"launcher.timeout={timeout}"]))


@pytest.mark.parametrize(("written", "seconds"), [("null", None), ("90", 90), ("1.5", 1.5), ("10m", 600), ("2h", 7200)])
def test_a_timeout_is_written_in_seconds_or_with_a_unit(written: str, seconds: float | None) -> None:
    launcher: Any = make(compose([f"launcher.timeout={written}"]))
    assert launcher.limit == seconds


def test_a_launcher_that_has_limits_of_its_own_says_so() -> None:
    said = r"launcher\.timeout=9: is no argument of study\.launch\.slurm\.SlurmLauncher; choose among .*timeout_min"
    with pytest.raises(ConfigError, match=said):
        make(compose(["launcher=slurm", "+launcher.timeout=9"]))


def members_that_came(results: list[FoldResult]) -> list[Member]:
    return [m for m in MEMBERS if (m.trial, m.fold) in {(r.trial, r.fold) for r in results}]


def test_packs_are_asked_for_as_workers_are_free() -> None:
    """So that whoever hands them out can stop in time."""
    taken: list[int] = []

    def packs() -> Any:
        for place, member in enumerate(MEMBERS):
            taken.append(place)
            yield [member]

    with started(1) as launcher:
        running, results = launcher.run(packs()), []
        for result in running:
            results.append(result)
            assert len(taken) <= len(results) + 1
    assert members_that_came(results) == MEMBERS
