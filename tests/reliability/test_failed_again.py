"""`study.retry=failed` asks failed trials again, as others that take their places; finished folds train once."""

from __future__ import annotations

from typing import Any

import pytest
from invented import Cut, Score, Store, outcome, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.compose import compose
from study.config.schema import Configuration
from study.core import seeding
from study.core.errors import ConfigError
from study.search import identity
from study.search.driver import Driver
from study.search.stored import replaced_numbers

RANKS = "method.rank=" + ",".join(map(str, range(1, 25)))
SMALL = ("study.folds=3", "study.trials=8", "search.round=4", "search.baselines=[head]", "sampler=random", RANKS)
RETRY = "study.retry=failed"


def noise(configuration: Configuration, fold: int) -> float:
    key = configuration.method.kind, str(configuration.method.rank)
    return seeding.derive(0, *key) % 1000 / 1000 + seeding.derive(0, *key, fold) % 1000 / 50000


def ill(configuration: Configuration, fold: int) -> float | None:
    """Of the head and of some ranks, the second fold fails."""
    hopeless = configuration.method.kind == "head" or configuration.method.rank % 2
    return None if hopeless and fold == 1 else noise(configuration, fold)


def standing(driver: Driver) -> list[Any]:
    """What became of the trials that count, in the order in which they were first asked for."""
    trials = driver.ledger.trials()
    gone, first = replaced_numbers(trials), {t.number: t.user_attrs.get("replaces", t.number) for t in trials}
    rows = {t.number: row for t, row in zip(trials, outcome_of(driver), strict=True) if t.number not in gone}
    return [rows[n] for n in sorted(rows, key=lambda n: first[n])]


def outcome_of(driver: Driver) -> list[Any]:
    """The outcome of every trial, None of those that are gone."""
    known = driver.results
    whole = []
    for trial in driver.ledger.trials():
        folds = {f.fold: f.score for f in known[trial.number].folds} if trial.number in known else None
        whole.append((trial.state.name, trial.values, trial.params, folds, trial.user_attrs.get("baseline")))
    return whole


def test_without_the_request_a_failure_is_final() -> None:
    plan, store = plan_of(*SMALL), InMemoryStorage()
    failed, _ = run(plan, ill, store)
    again, launcher = run(plan, noise, store)
    assert launcher.ran == []
    assert outcome(again) == outcome(failed)
    assert any(r.failure for r in again.results.values())


def retry(store: InMemoryStorage, score: Score = noise) -> tuple[Driver, list[tuple[int, int]]]:
    driver, launcher = run(plan_of(*SMALL, RETRY), score, store)
    return driver, launcher.ran


def test_with_it_the_folds_that_failed_are_trained_and_the_study_is_what_it_would_have_been() -> None:
    undisturbed, _ = run(plan_of(*SMALL), noise)
    store = InMemoryStorage()
    failed, _ = run(plan_of(*SMALL), ill, store)
    numbers = [n for n, r in failed.results.items() if r.failure]
    assert 0 in numbers  # the baseline
    assert len(numbers) > 1
    again, ran = retry(store)
    assert len(again.results) == 8
    assert standing(again) == standing(undisturbed)
    assert len(ran) == len(numbers)
    assert {fold for _, fold in ran} == {1}
    assert {r.replaces for r in again.results.values()} - {None} == set(numbers)
    assert all(r.complete for r in again.results.values())


def test_a_trial_that_fails_again_is_asked_again_at_the_next_request_alone() -> None:
    store = InMemoryStorage()
    failed, _ = run(plan_of(*SMALL), ill, store)
    count = sum(r.failure is not None for r in failed.results.values())
    once, ran = retry(store, ill)
    assert len(ran) == count
    assert len(once.results) == 8
    rested, launcher = run(plan_of(*SMALL), noise, store)
    assert launcher.ran == []
    assert len(rested.results) == 8
    twice, ran = retry(store)
    assert len(ran) == count
    assert all(r.complete for r in twice.results.values())
    assert len(twice.ledger.trials()) == 8 + 2 * count


def test_a_study_grows_to_its_total_beside_what_was_asked_again() -> None:
    whole, _ = run(plan_of(*SMALL, "study.trials=12"), noise)
    store = InMemoryStorage()
    run(plan_of(*SMALL), ill, store)
    grown, _ = run(plan_of(*SMALL, RETRY, "study.trials=12"), noise, store)
    assert len(grown.results) == 12
    assert standing(grown) == standing(whole)


def test_a_baseline_that_failed_before_the_others_were_asked_for_takes_no_others_place() -> None:
    plan = ("study.folds=2", "study.trials=2", "search.round=1", "search.baselines=[head,lora]", RANKS)
    store = InMemoryStorage()
    run(plan_of(*plan, "study.trials=1"), ill, store)
    driver, _ = run(plan_of(*plan, RETRY), noise, store)
    assert sorted(r.baseline or "" for r in driver.results.values()) == ["head", "lora r8 qv"]


@pytest.mark.parametrize("name", ["tpe", "surface", "grid", "nsga2"])
def test_every_sampler_goes_on_beside_what_was_asked_again(name: str) -> None:
    plan = ("study.folds=2", "study.trials=12", "search.round=4", f"sampler={name}", RANKS)
    store = InMemoryStorage()
    run(plan_of(*plan, "study.trials=8"), ill, store)
    driver, _ = run(plan_of(*plan, RETRY), noise, store)
    assert len(driver.results) == 12
    assert all(r.complete for r in driver.results.values())


def test_a_retry_that_is_cut_off_before_any_of_its_writes_ends_as_if_it_had_not_been() -> None:
    store = Store()
    run(plan_of(*SMALL), ill, store)
    before = store.writes
    whole, _ = retry(store)
    writes = store.writes - before
    for cut in range(writes):
        again = Store()
        run(plan_of(*SMALL), ill, again)
        again.cut = again.writes + cut
        with pytest.raises(Cut):
            retry(again)
        again.cut = -1
        resumed, _ = retry(again)
        assert [row[1:] for row in standing(resumed)] == [row[1:] for row in standing(whole)], f"cut before {cut}"
        assert len(resumed.results) == 8


def test_repeats_of_a_failed_trial_are_asked_again_with_it() -> None:
    plan = ("study.folds=3", "study.trials=5", "search.baselines=[]", "sampler=random", "method.rank=2,4")

    def hopeless(configuration: Configuration, fold: int) -> float | None:
        return None

    store = InMemoryStorage()
    failed, _ = run(plan_of(*plan), hopeless, store)
    repeats = [r for r in failed.results.values() if r.duplicate_of is not None]
    assert repeats
    driver, launcher = run(plan_of(*plan, RETRY), noise, store)
    assert len(driver.results) == 5
    assert all(r.complete for r in driver.results.values())
    assert len(launcher.ran) == 2 * 3  # two configurations


def test_how_a_study_is_run_is_no_part_of_what_it_is() -> None:
    plain = compose(["study.trials=8"])
    other = compose(["study.trials=8", RETRY, "study.tries=7", "study.until=2h", "launcher.timeout=9"])
    assert identity.values_of(plain, {}, {}) == identity.values_of(other, {}, {})


BAD = {
    "study.retry=all": "is not one of failed; write study.retry=failed, or null",
    "study.tries=0": "a fold is tried at least once; write study.tries=1 or more",
    "study.until=soon": "is neither a time from now nor one of a clock; write for example 2h, 90m, 17:30 or",
}


@pytest.mark.parametrize("given", BAD)
def test_what_cannot_be_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=BAD[given].replace("(", r"\(")):
        compose([given])
