"""What every schedule guarantees: exactly the total, each fold trained once and kept at once, whatever is cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from invented import Cut, Score, Silent, Store, plan_of, stored_in
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState
from virtual import Virtual, equal

from study.config.members import Member
from study.config.schema import SCHEDULES, Configuration
from study.core import seeding
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.record.none import NoTracker
from study.search import deadline
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.schedules import BY_NAME
from study.search.stored import configuration_of, folds_of

RANKS = "method.rank=" + ",".join(map(str, range(1, 25)))
SMALL = ("study.folds=3", "study.trials=14", "search.round=5", "search.baselines=[head,lora]", "sampler=random", RANKS)
PRUNERS = {"none": ("pruner=none",), "floor": ("pruner=floor",), "racing": ("pruner=racing",)}
CONSTRAINED = "constraints=['params/trainable <= 150k']"


def noise(configuration: Configuration, fold: int) -> float:
    """A level between 0 and 1, of the method and its rank, and a little that the fold adds."""
    key = configuration.method.kind, str(configuration.method.rank)
    return seeding.derive(0, *key) % 1000 / 1000 + seeding.derive(0, *key, fold) % 1000 / 50000


def failing(configuration: Configuration, fold: int) -> float | None:
    return None if (configuration.method.rank % 3, fold) == (1, 1) else noise(configuration, fold)


def uneven(member: Member) -> float:
    """Up to ten times as long for one member as for another."""
    return 1.0 + seeding.derive(0, "cost", member.trial, member.fold) % 900 / 100


class Durable(Virtual):
    """Looks whether results that were taken are in the store before another one comes, or anything is asked for."""

    store: InMemoryStorage
    missing: int = 0
    deadly: Collection[tuple[int, int]] = ()  # trials and folds that lose their workers

    def run(self, packs: Any, *more: Any) -> Iterator[FoldResult]:
        together: list[FoldResult] = []
        for result in super().run(packs, *more):
            together.append(result)
            yield result
            if not self.ready:
                (study,) = self.store.get_all_studies()
                trials = self.store.get_all_trials(study._study_id)
                self.missing += sum(each.fold not in folds_of(trials[each.trial]) for each in together)
                together = []

    def _result(self, member: Member) -> FoldResult:
        if (member.trial, member.fold) in self.deadly:
            return FoldResult(member.trial, member.fold, None, error="its worker process died", transient=True)
        return super()._result(member)


def begin(
    plan: Plan, score: Score = noise, store: InMemoryStorage | None = None, workers: int = 4, **more: Any
) -> tuple[Driver, Durable]:
    """The driver of a study that is yet to run, and what will train it."""
    store, progress = store or InMemoryStorage(), Silent()
    launcher = Durable(plan, score, workers, **{"cost": uneven, **more})
    launcher.store = store
    with stored_in(store):
        return Driver(plan, Ledger(plan), NoTracker(), progress, launcher), launcher  # type: ignore[arg-type]


def study(plan: Plan, *arguments: Any, deadly: Collection[tuple[int, int]] = (), **more: Any) -> tuple[Driver, Durable]:
    """The same of a study that has run to its end."""
    driver, launcher = begin(plan, *arguments, **more)
    launcher.deadly = deadly
    driver.run()
    return driver, launcher


def of(schedule: str, *overrides: str) -> Plan:
    return plan_of(*SMALL, f"search.schedule={schedule}", *overrides)


def check_whole(driver: Driver, trained: list[tuple[int, int]], total: int = 14) -> None:
    """Exactly the total, all told; every fold that a trial says to have was trained once."""
    trials = driver.ledger.trials()
    assert [t.number for t in trials] == [*range(total)]
    assert all(t.state.is_finished() for t in trials)
    assert max(Counter(trained).values()) == 1
    assert sorted(trained) == sorted((t.number, fold) for t in trials for fold in folds_of(t))
    assert driver.results.keys() == {*range(total)}


def test_the_schedules_are_those_that_the_schema_names() -> None:
    assert set(BY_NAME) == {*SCHEDULES}
    with pytest.raises(ConfigError, match="is not one of rounds, rolling, async; write rounds, or rolling"):
        plan_of("search.schedule=soon")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("pruner", PRUNERS.values(), ids=PRUNERS)
@pytest.mark.parametrize("score", [noise, failing])
@pytest.mark.parametrize("workers", [1, 4, 100])
def test_the_total_is_exact_and_no_fold_is_trained_twice(
    schedule: str, pruner: tuple[str, ...], score: Score, workers: int
) -> None:
    driver, launcher = study(of(schedule, *pruner), score, workers=workers)
    check_whole(driver, launcher.ran)
    assert launcher.missing == 0
    states = Counter(t.state for t in driver.ledger.trials())
    assert (states[TrialState.FAIL] > 0) == (score is failing)
    assert (states[TrialState.PRUNED] > 0) == (pruner != PRUNERS["none"])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    "pruner",
    [
        pytest.param(("pruner=floor", CONSTRAINED), id="floor"),
        pytest.param(("pruner=none",), id="none", marks=pytest.mark.long),
        pytest.param(("pruner=racing", CONSTRAINED), id="racing", marks=pytest.mark.long),
    ],
)
def test_a_study_that_is_cut_off_before_any_of_its_writes_loses_no_fold_and_trains_none_twice(
    schedule: str, pruner: tuple[str, ...]
) -> None:
    # A pack is trained as a whole.
    plan = of(schedule, "study.trials=6", "search.round=4", "engine.pack=1", *pruner)
    study(plan, store=(whole := Store()))
    for cut in range(1, whole.writes):
        store = Store()
        store.cut = cut
        with pytest.raises(Cut):
            study(plan, store=store)
        store.cut = -1
        (kept,) = store.get_all_studies()
        before = [(t.number, k) for t in store.get_all_trials(kept._study_id) for k in folds_of(t)]
        driver, launcher = study(plan, store=store, workers=3)
        check_whole(driver, before + launcher.ran, 6)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_what_would_train_the_same_as_another_trial_takes_its_folds(schedule: str) -> None:
    overrides = ("method.rank=1,2", "sampler=grid", "search.baselines=[]", "study.trials=6")
    few = plan_of("study.folds=3", f"search.schedule={schedule}", "search.round=6", *overrides)
    driver, launcher = study(few)
    assert len(launcher.ran) == 2 * 3
    assert sorted(r.duplicate_of is None for r in driver.results.values()) == [False] * 4 + [True] * 2
    assert {t.state for t in driver.ledger.trials()} == {TrialState.COMPLETE}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_study_goes_on_to_a_larger_total(schedule: str) -> None:
    store = InMemoryStorage()
    _, first = study(of(schedule, "study.trials=6"), store=store)
    driver, second = study(of(schedule), store=store)
    check_whole(driver, first.ran + second.ran)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_trial_that_has_lost_a_worker_is_left_and_the_next_run_trains_that_fold_alone(schedule: str) -> None:
    plan, store = of(schedule, "pruner=none"), InMemoryStorage()
    driver, first = study(plan, store=store, deadly=[(3, 1)])
    assert [t.number for t in driver.ledger.trials() if not t.state.is_finished()] == [3]
    assert driver.results.keys() == {*range(14)} - {3}
    assert driver.losses.report(driver.results)[1] == 75
    again, second = study(plan, store=store)
    assert second.ran == [(3, 1)]
    check_whole(again, [cell for cell in first.ran if cell != (3, 1)] + second.ran)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_failed_trials_that_are_asked_again_count_once_and_train_what_failed(schedule: str) -> None:
    store = InMemoryStorage()
    failed, _ = study(of(schedule, "pruner=none"), failing, store)
    ill = {n for n, r in failed.results.items() if r.failure}
    again, launcher = study(of(schedule, "pruner=none", "study.retry=failed"), store=store)
    assert ill == {r.replaces for r in again.results.values()} - {None}
    assert {fold for _, fold in launcher.ran} == {1}
    assert len(again.results) == 14
    assert all(r.complete for r in again.results.values())
    larger, _ = study(of(schedule, "pruner=none", "study.trials=18"), store=store)
    assert len(larger.results) == 18


def test_free_workers_begin_nothing_that_would_end_too_late_and_ask_for_nothing_in_its_stead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, more = InMemoryStorage(), ("pruner=none", "engine.pack=1")
    driver, first = begin(of("async", "study.until=3", *more), store=store, cost=equal)
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: first.now))
    driver.deadline = deadline.deadline_of(driver.plan.config)
    with pytest.raises(deadline.OutOfTime):
        driver.run()
    assert first.now == 3
    assert len(first.ran) == 4 * 3
    assert len(driver.ledger.trials()) <= len(first.ran) / 3 + 4
    again, second = study(of("async", *more), store=store)
    check_whole(again, first.ran + second.ran)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_schedule_is_part_of_what_a_study_is_and_the_default_changes_no_mark(schedule: str) -> None:
    assert of(schedule).values["search.schedule"] == schedule
    assert (of(schedule).fingerprint == plan_of(*SMALL).fingerprint) == (schedule == "rounds")


def test_free_workers_have_one_pack_each_and_a_trial_is_asked_for_when_one_is_free() -> None:
    driver, launcher = study(of("async", "study.trials=30", "engine.pack=1"))
    assert launcher.most == 4
    began = [trial for (trial, fold), in launcher.packs if fold == 0]  # fmt: skip
    assert began == sorted(began)
    notes: list[str] = driver.progress.notes  # type: ignore[attr-defined]
    assert any("the same seed gives another study" in note for note in notes)


@pytest.mark.parametrize("pruner", [("pruner=none",), ("pruner=racing",)], ids=["none", "racing"])
def test_workers_idle_less_without_rounds_where_costs_differ(pruner: tuple[str, ...]) -> None:
    idle = {}
    for schedule in SCHEDULES:
        more = ("study.trials=32", "search.round=8", "method.lam=interval(0.1,100)", "engine.pack=1")
        _, launcher = study(of(schedule, *more, *pruner), workers=8)
        idle[schedule] = launcher.idle
    assert idle["async"] < 0.75 * idle["rounds"]


def test_which_worker_is_faster_changes_what_is_asked_for_without_rounds_alone() -> None:
    asked = {}
    for schedule in SCHEDULES:
        plan = of(schedule, "study.trials=20", "sampler=tpe", "sampler.n_startup_trials=4", "search.baselines=[]")
        for workers in (1, 6):
            driver, _ = study(plan, workers=workers)
            asked[schedule, workers] = [configuration_of(t) for t in driver.ledger.trials()]
    for reproducible in ("rounds", "rolling"):
        assert asked[reproducible, 1] == asked[reproducible, 6]
    assert asked["async", 1] != asked["async", 6]
