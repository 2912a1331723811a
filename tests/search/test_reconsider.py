"""Bounds on measured costs: what broke one beside other trainings is measured alone, and that decides from then on."""

from __future__ import annotations

from typing import Any

import pytest
from invented import Invented, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.members import Member, TrialResult
from study.config.schema import Configuration
from study.core.alone import AloneCosts
from study.core.records import FoldResult
from study.export.job import choice
from study.record import Finished
from study.record.none import NoTracker
from study.search.driver import Driver
from study.search.finish import front
from study.search.plan import Plan
from study.search.reconsider import MOST, reconsider, settle, slowed_down

USUAL = ("study.folds=2", "study.trials=4", "search.baselines=[]", "sampler=grid", "method.rank=1,2,4,8")
BOUND = "constraints=['latency/ms <= 25']"


def score(configuration: Configuration, fold: int) -> float:
    return 0.5 + 0.01 * configuration.method.rank + 0.001 * fold


class Slow(Invented):
    """Members that answer the more slowly the higher their rank, `load` times as slowly beside others as alone."""

    load = 4.0

    def _result(self, member: Member) -> FoldResult:
        result = super()._result(member)
        loaded = {"latency/ms": self.load * alone(member), "pack/members": 1.0}
        return FoldResult(result.trial, result.fold, result.score, {**result.metrics, **loaded})

    def ask(self, question: object, members: list[Member], folds: int, seconds: float) -> list[AloneCosts]:
        return [AloneCosts({"alone/latency_ms": alone(m), "alone/latency_ms_iqr": 0.1}) for m in members]


def alone(member: Member) -> float:
    return 5.0 * member.configuration.method.rank


class Record(NoTracker):
    def __init__(self) -> None:
        self.judged: dict[int, tuple[str, ...]] = {}

    def rejudge(self, trial: Finished) -> None:
        self.judged[trial.result.trial] = trial.result.broken


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invented.Invented", Slow)


def searched(*more: str, store: InMemoryStorage | None = None, workers: int = 2) -> tuple[Plan, Driver, Any]:
    plan = plan_of(*USUAL, BOUND, *more)
    driver, launcher = run(plan, score, store, workers)
    return plan, driver, launcher


def ranks(results: dict[int, TrialResult], numbers: list[int]) -> list[int]:
    return sorted(results[number].configuration.method.rank for number in numbers)


def test_what_keeps_a_bound_alone_is_feasible_in_front_record_and_export() -> None:
    plan, driver, launcher = searched()
    results, record = driver.results, Record()
    assert ranks(results, front(plan, results)) == [1]  # 20 ms under load; the others 40, 80 and 160
    (note,) = reconsider(plan, driver.ledger, results, record, launcher)
    assert ranks(results, front(plan, results)) == [1, 2, 4]  # 5, 10 and 20 ms alone; 40 stays beyond
    feasible = [n for n in record.judged if not record.judged[n]]
    assert ranks(results, feasible) == [2, 4]
    assert note.startswith("2 trials that broke a constraint beside other trainings, measured alone, keep it: ")
    assert {r.state for n, r in results.items() if n in feasible} == {None}
    chosen = choice.choose("latency<=21", driver.ledger, choice.compared_trials(driver.ledger))
    assert chosen.configuration.method.rank == 4


def test_a_study_that_goes_on_and_a_record_that_is_rebuilt_say_the_same_and_measure_nothing() -> None:
    store = InMemoryStorage()
    plan, driver, launcher = searched(store=store)
    reconsider(plan, driver.ledger, driver.results, first := Record(), launcher)
    again = searched(store=store)[1]
    assert settle(plan, again.ledger, again.results, second := Record()) != ()
    assert second.judged == first.judged
    assert {n: r.broken for n, r in again.results.items()} == {n: r.broken for n, r in driver.results.items()}


def test_what_broke_a_bound_by_far_or_alone_already_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Slow, "load", 20.0)
    plan, driver, _ = searched()
    assert ranks(driver.results, slowed_down(plan, driver.results)) == [1, 2]  # 100 and 200 of 25 ms; not 400 and 800
    plan, driver, _ = searched(workers=1)
    assert slowed_down(plan, driver.results) == []


def test_of_very_many_those_are_measured_that_are_nearest() -> None:
    more = ("study.trials=30", "method.rank=" + ",".join(map(str, range(2, 32))), "constraints=['latency/ms <= 39']")
    plan, driver, _ = searched(*more)
    nearest = slowed_down(plan, driver.results)
    assert ranks(driver.results, nearest) == [*range(2, 2 + len(nearest))]
    assert 1 < len(nearest) <= MOST


def test_a_study_that_measures_nothing_again_keeps_what_the_search_saw() -> None:
    plan, driver, launcher = searched("report.remeasure=false")
    before = dict(driver.results)
    assert reconsider(plan, driver.ledger, driver.results, Record(), launcher) == ()
    assert driver.results == before
