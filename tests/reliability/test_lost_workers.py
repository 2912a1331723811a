"""A member whose workers die says nothing of its configuration: it is tried in several runs before it fails by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from invented import Invented, Score, Silent, outcome, plan_of, stored_in
from optuna.storages import InMemoryStorage

from study.config.members import Member
from study.config.schema import Configuration
from study.core import seeding
from study.core.records import FoldResult
from study.record.none import NoTracker
from study.search import repeats
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.plan import Plan

RANKS = "method.rank=" + ",".join(map(str, range(1, 25)))
SMALL = ("study.folds=3", "study.trials=8", "search.round=4", "search.baselines=[head]", "sampler=random", RANKS)
DIED = "its worker process died, twice"
Cell = tuple[int, int]


def noise(configuration: Configuration, fold: int) -> float:
    key = configuration.method.kind, str(configuration.method.rank)
    return seeding.derive(0, *key) % 1000 / 1000 + seeding.derive(0, *key, fold) % 1000 / 50000


def alike(configuration: Configuration, fold: int) -> float:
    """Of which nobody can say which is better."""
    return 0.8 + 0.06 * (seeding.derive(0, "lora", str(configuration.method.rank), fold) % 2001 / 1000 - 1)


class Killing(Invented):
    """A launcher in which some members lose their workers."""

    deadly: Collection[Cell] = ()

    def _result(self, member: Member) -> FoldResult:
        if (member.trial, member.fold) in self.deadly:
            return FoldResult(member.trial, member.fold, None, error=DIED, transient=True)
        return super()._result(member)


def run(
    plan: Plan, store: InMemoryStorage, deadly: Collection[Cell] = (), score: Score = noise
) -> tuple[Driver, Killing]:
    """A run of the study's command in which these lose their workers."""
    launcher: Any = Killing(plan, score)
    launcher.deadly = deadly
    progress: Any = Silent()
    with stored_in(store):
        driver = Driver(plan, Ledger(plan), NoTracker(), progress, launcher)
        driver.run()
    return driver, launcher


def states(driver: Driver) -> list[str]:
    return [trial.state.name for trial in driver.ledger.trials()]


@pytest.mark.parametrize("pack", ["1", "4"])
@pytest.mark.parametrize("pruner", ["none", "floor"])
def test_the_study_goes_on_without_it_and_the_next_run_trains_what_is_missing(pack: str, pruner: str) -> None:
    plan = plan_of(*SMALL, f"engine.pack={pack}", f"pruner={pruner}")
    undisturbed, whole = run(plan, InMemoryStorage())
    (lost,) = [max(cell for cell in whole.ran if cell[0] == 6 and cell[1] > 0)] if pruner == "none" else [(6, 0)]
    store = InMemoryStorage()
    driver, launcher = run(plan, store, [lost])
    assert states(driver)[6] == "RUNNING"
    assert states(driver).count("RUNNING") == 1
    assert len(driver.results) == 7
    lines, status = driver.losses.report(driver.results)
    assert lines == [
        "1 trial is left, whose workers died; the same command tries again:",
        f"  trial 6: {DIED} (run 1 of 3)",
    ]
    assert status == 75
    trained = set(launcher.ran)
    again, launcher = run(plan, store)
    assert outcome(again) == outcome(undisturbed)
    assert trained & set(launcher.ran) == {lost}  # and nothing that was finished
    assert again.losses.report(again.results) == ([], 0)


def test_after_so_many_runs_it_fails_by_name_with_what_helps_and_stays_failed() -> None:
    plan, store = plan_of(*SMALL, "study.tries=2"), InMemoryStorage()
    first, _ = run(plan, store, [(3, 1)])
    assert first.losses.report(first.results)[1] == 75
    second, launcher = run(plan, store, [(3, 1)])
    assert launcher.ran == [(3, 1)]
    assert states(second)[3] == "FAIL"
    said = f"{DIED}, in 2 runs of the study: find out what ends it, such as memory, and try again with study.retry="
    assert str(second.results[3].failure).startswith(said)
    assert second.losses.report(second.results) == ([], 1)
    third, launcher = run(plan, store)
    assert launcher.ran == []
    assert third.losses.report(third.results) == ([], 1)  # the status says so whenever it is asked
    assert outcome(third) == outcome(second)


def test_with_one_try_it_fails_at_once() -> None:
    driver, _ = run(plan_of(*SMALL, "study.tries=1"), InMemoryStorage(), [(3, 1)])
    assert states(driver)[3] == "FAIL"
    assert "in 1 run" not in str(driver.results[3].failure)
    assert len(driver.results) == 8


def test_a_trial_that_repeats_it_waits_with_it() -> None:
    plan = plan_of("study.folds=3", "study.trials=4", "search.baselines=[]", "sampler=random", "method.rank=2,4")
    undisturbed, _ = run(plan, InMemoryStorage())
    original = next(t.user_attrs["duplicate_of"] for t in undisturbed.ledger.trials() if "duplicate_of" in t.user_attrs)
    store = InMemoryStorage()
    driver, _ = run(plan, store, [(original, 0)])
    waiting = [n for n, state in enumerate(states(driver)) if state == "RUNNING"]
    assert waiting[0] == original
    assert len(waiting) > 1
    again, launcher = run(plan, store)
    assert outcome(again) == outcome(undisturbed)
    assert launcher.ran == [(original, 0)]


def test_several_of_one_round_are_left_and_no_later_round_tries_them_again() -> None:
    plan, store = plan_of(*SMALL), InMemoryStorage()
    deadly = [(t, f) for t in range(3) for f in range(3)]
    driver, launcher = run(plan, store, deadly)
    assert states(driver) == ["RUNNING"] * 3 + ["COMPLETE"] * 5
    assert sorted(cell for cell in launcher.ran if cell[0] < 3) == deadly
    lines, _ = driver.losses.report(driver.results)
    assert lines[0].startswith("3 trials are left, whose workers died")
    again, launcher = run(plan, store)
    assert sorted(launcher.ran) == deadly
    assert states(again) == ["COMPLETE"] * 8


def test_a_fold_of_a_further_cross_validation_that_lost_its_workers_is_trained_by_the_next_run() -> None:
    few = ("study.folds=3", "study.trials=3", "search.baselines=[]", "sampler=grid", "method.rank=2,4,8")
    plan = plan_of(*few, "study.repeats=3", "engine.pack=1")

    def further(store: InMemoryStorage, deadly: Collection[Cell]) -> tuple[Driver, list[Cell]]:
        driver, launcher = run(plan, store, score=alike)
        launcher.deadly, launcher.ran = deadly, []
        progress: Any = Silent()
        with stored_in(store):
            train, lost = driver.train, driver.losses.open
            repeats.train_undecided(plan, driver.ledger, driver.results, NoTracker(), progress, train, lost)
        return driver, launcher.ran

    undisturbed, ran = further(InMemoryStorage(), ())
    store, lost = InMemoryStorage(), ran[0]
    left, before = further(store, [lost])
    lines, status = left.losses.report(left.results)
    assert (len(lines), status) == (2, 75)
    assert lines[1] == f"  trial {lost[0]}: {DIED} (cross-validation 2, fold 0)"
    assert left.results[lost[0]].repeats == ()  # the report counts whole cross-validations alone, too
    assert {fold for _, fold in before} == {4, 5, 6}  # of the first further one
    again, after = further(store, ())
    assert after[0] == lost
    assert {n: r.repeats for n, r in again.results.items()} == {n: r.repeats for n, r in undisturbed.results.items()}
    assert len(before) + len(after) == len(ran) + 1
    assert again.losses.report(again.results) == ([], 0)
