"""After the search, costs of what is compared most closely are measured alone: once, for good, and cheaply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented import Invented, asked, plan_of, run, stored_in
from optuna.storages import InMemoryStorage

from study.config.members import Member, TrialResult
from study.config.schema import Configuration
from study.core.alone import AloneCosts
from study.core.records import FoldResult
from study.launch import Worker, WorkerDied
from study.record.none import NoTracker
from study.search.driver import _search
from study.search.finish import front, trials_of_report
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.remeasure import LONGEST, closest, load_notes, remeasure, seconds_each
from study.search.verdict import judge_results

SMALL = ("study.folds=2", "study.trials=7", "search.round=4", "sampler=grid", "method.rank=1,2,4,8")
QUIET = {"alone/latency_ms": 8.0, "alone/latency_ms_iqr": 0.1, "alone/others": 0.0}


class Measuring(Invented):
    """A launcher that says what a member costs alone, and keeps which trials it was asked of."""

    def __init__(self, plan: Plan, costs: Callable[[Member], AloneCosts] | None = None, workers: int = 2) -> None:
        super().__init__(plan, score, workers)
        self.costs = costs or (lambda member: AloneCosts(QUIET))
        self.asked: list[int] = []

    def _result(self, member: Member) -> FoldResult:
        """Beside other trainings, a latency that grows with the score."""
        result = super()._result(member)
        more = {"loss": 1.0, "memory/train_bytes": 1.0, "latency/ms": 100 * (result.score or 0)}
        return replace(result, metrics={**result.metrics, **more})

    def ask(self, question: object, members: list[Member], folds: int, seconds: float) -> list[AloneCosts]:
        assert question is Worker.costs_alone
        assert ({member.fold for member in members}, folds) == ({0}, 2)
        assert 0 < seconds <= LONGEST
        self.asked += [member.trial for member in members]
        return [self.costs(member) for member in members]

    def close(self) -> None:
        """There is no process."""


class Record(NoTracker):
    """What was added to trials after the search, and how often the tracker was waited for."""

    def __init__(self) -> None:
        self.calls: list[int | str] = []

    @property
    def added(self) -> list[int]:
        return [call for call in self.calls if isinstance(call, int)]

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        self.calls.append(number)

    def wait(self) -> None:
        self.calls.append("wait")


def score(configuration: Configuration, fold: int) -> float:
    rank = configuration.method.rank if configuration.method.kind == "lora" else 0
    return 0.7 + 0.02 * rank + 0.001 * fold


def searched(*overrides: str) -> tuple[Plan, InMemoryStorage, dict[int, TrialResult]]:
    plan, store = plan_of(*SMALL, *overrides), InMemoryStorage()
    return plan, store, run(plan, score, store)[0].results


def measure(
    plan: Plan, store: InMemoryStorage, results: dict[int, TrialResult], launcher: Measuring
) -> tuple[tuple[str, ...], Record]:
    record, carried = Record(), launcher
    notes = remeasure(plan, asked(plan, store), results, record, carried)  # type: ignore[arg-type]
    return notes, record


def test_the_front_the_baselines_the_recommended_and_the_best_are_measured_once_and_for_good() -> None:
    plan, store, results = searched()
    launcher = Measuring(plan)
    notes, record = measure(plan, store, results, launcher)
    judgement = judge_results(plan, results)
    assert judgement is not None
    chosen = {0, 1, 2, *front(plan, results), judgement.recommended, judgement.best}
    assert set(closest(plan, results)) == chosen == set(record.added)
    assert asked(plan, store).alone_costs() == dict.fromkeys(chosen, QUIET)
    assert len(launcher.asked) == len(set(launcher.asked)) <= len(chosen)
    assert (notes, record.calls[0], record.calls.count("wait")) == ((), "wait", 1)  # before anything is measured
    _, again = measure(plan, store, results, launcher := Measuring(plan))
    assert launcher.asked == []
    assert set(again.calls) == chosen  # the record may have been made anew


def test_the_test_is_taken_of_what_the_report_tells_most_of_when_costs_were_measured_alone(tmp_path: Path) -> None:
    plan = replace(plan_of(*SMALL, "objectives=[score,latency/ms]"), test=np.arange(4))
    plan._shapes.update(plan_of()._shapes)
    store, launcher = InMemoryStorage(), Measuring(plan)  # alone, all are equally fast
    with stored_in(store):
        ledger = Ledger(plan)
        assert _search(plan, ledger, NoTracker(), launcher, lambda config: tmp_path) == 0  # type: ignore[arg-type]
        results = run(plan, score, store)[0].results
        assert (
            sorted(ledger.test_scores())
            == trials_of_report(plan, results, ledger.alone_costs())
            != front(plan, results)
        )


def test_only_what_is_missing_is_measured() -> None:
    plan, store, results = searched()
    first, *others = closest(plan, results)
    asked(plan, store).keep_alone_costs(first, QUIET)
    measure(plan, store, results, launcher := Measuring(plan))
    assert set(launcher.asked) <= set(others)
    assert set(asked(plan, store).alone_costs()) == {first, *others}


def test_what_is_switched_off_measures_nothing_keeps_what_there_is_and_is_the_same_study() -> None:
    plan, store, results = searched()
    off = plan_of(*SMALL, "report.remeasure=false")
    assert off.fingerprint == plan.fingerprint
    launcher = Measuring(off)
    notes, record = measure(off, store, results, launcher)
    assert (notes, launcher.asked, record.calls) == ((), [], [])
    asked(plan, store).keep_alone_costs(0, QUIET)
    assert measure(off, store, results, launcher)[1].added == [0]
    assert launcher.asked == []


def test_configurations_that_differ_in_numbers_alone_are_measured_as_one() -> None:
    plan = plan_of("study.folds=2", "study.trials=3", "search.baselines=[]", "sampler=grid", "train.lr=1e-3,2e-3,4e-3")
    store = InMemoryStorage()
    results = run(plan, score, store)[0].results
    measure(plan, store, results, launcher := Measuring(plan))
    assert len(launcher.asked) == 1
    assert asked(plan, store).alone_costs() == dict.fromkeys(closest(plan, results), QUIET)


def die(member: Member) -> AloneCosts:
    raise WorkerDied


@pytest.mark.parametrize(
    ("costs", "said"),
    [(die, "its worker process died"), (lambda member: AloneCosts(error="MemoryError: full"), "MemoryError: full")],
)
def test_what_cannot_be_measured_is_said_and_tried_again(costs: Callable[[Member], AloneCosts], said: str) -> None:
    plan, store, results = searched()
    notes, record = measure(plan, store, results, launcher := Measuring(plan, costs))
    assert f"what trial {launcher.asked[0]} costs could not be measured alone ({said})" in notes
    assert len(notes) == len(set(launcher.asked))
    assert record.added == []
    measure(plan, store, results, again := Measuring(plan))
    assert set(again.asked) == set(launcher.asked)


def test_what_kills_its_worker_is_measured_apart_and_costs_the_others_nothing() -> None:
    plan, store, results = searched()
    launcher = Measuring(plan, lambda member: AloneCosts(QUIET) if member.trial else die(member))
    notes, _ = measure(plan, store, results, launcher)
    assert notes == ("what trial 0 costs could not be measured alone (its worker process died)",)
    assert set(asked(plan, store).alone_costs()) == {*closest(plan, results)} - {0}


def test_a_busy_machine_is_said_with_the_trials_that_it_disturbed() -> None:
    plan, store, results = searched()
    busy = {**QUIET, "alone/others": 0.9}
    notes, _ = measure(plan, store, results, Measuring(plan, lambda m: AloneCosts(QUIET if m.trial else busy)))
    assert notes == ("the machine was busy with other programs while costs of trial 0 were measured",)


def trained(seconds: float) -> dict[int, TrialResult]:
    folds = tuple(FoldResult(0, k, 0.5, {"time/train_seconds": seconds}) for k in range(2))
    return {0: TrialResult(0, Configuration(), folds), 1: TrialResult(1, Configuration(), folds, duplicate_of=0)}


@pytest.mark.parametrize(
    ("seconds", "workers", "count", "each"),
    [(0.0, 1, 5, 1.0), (0.0, 1, 1, 2.0), (1000.0, 2, 100, 0.25), (1000.0, 1, 100, 0.5), (1e6, 1, 3, 2.0)],
)
def test_measuring_takes_a_small_share_of_what_the_search_took(
    seconds: float, workers: int, count: int, each: float
) -> None:
    assert seconds_each(trained(seconds / 2), workers, count) == pytest.approx(each)


def test_measured_costs_that_decide_are_named_before_the_search_unless_nothing_trains_beside_them() -> None:
    measured = ("objectives=[score,latency/ms]", "constraints=['memory/peak_bytes <= 1e9','latency/ms <= 9']")
    (note,) = load_notes(plan_of(*SMALL, *measured), 1)
    assert note.startswith("latency/ms and memory/peak_bytes will be measured beside other trainings")
    alone = plan_of(*SMALL, *measured, "engine.pack=1")
    assert (len(load_notes(alone, 2)), load_notes(alone, 1)) == (1, ())
    assert load_notes(plan_of(*SMALL, "objectives=[score,memory/train_bytes]"), 2) == ()


def test_what_was_measured_alone_decides_between_configurations_that_score_alike() -> None:
    plan = plan_of(*SMALL, "objectives=[score,latency/ms]", "report.tolerance=0.5")
    results: dict[int, Any] = run(plan, score)[0].results
    loaded = {n: {"latency/ms": 30.0 + n} for n in results}  # as the search saw it, the first is the cheapest
    for number, result in results.items():
        for fold in result.folds:
            fold.metrics.update(loaded[number])
    assert judge_results(plan, results).recommended == 0  # type: ignore[union-attr]
    judged = judge_results(plan, results, {3: {"alone/latency_ms": 20.0}, 0: {"alone/latency_ms": 22.0}})
    assert judged is not None
    assert judged.recommended == 3
