"""A search ends where nothing that is left is expected to raise the front, and stays ended until it is told more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from invented import Invented, outcome, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.members import Member
from study.config.schema import SCHEDULES, Configuration
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.record.none import NoTracker
from study.search import identity
from study.search.checks import check_objectives
from study.search.driver import Driver
from study.search.plan import Plan

SPACE = ("method.rank=1,2,4,8,16,32,64,128", "method.layers=all,top-half,top-1", "method.targets=qv,attention")
USUAL = ("study.folds=3", "study.trials=44", "search.baselines=[]", "search.stop=settled")


def plan(*more: str, seed: int = 0) -> Plan:
    made: Plan = plan_of(*USUAL, *SPACE, *more, seed=seed)
    return made


class World:
    """Scores that rise with rank up to `top`, with noise."""

    def __init__(self, top: float, noise: float = 0.002) -> None:
        self.top, self.noise = top, noise
        self.cells: dict[tuple[str, int], float] = {}

    def score(self, configuration: Configuration, fold: int) -> float:
        key = (str(configuration), fold)
        if key not in self.cells:
            seed = [fold, *str(configuration).encode()]
            self.cells[key] = float(np.random.default_rng(seed).normal(0, self.noise))
        return float(0.7 + self.top * (1 - 1 / configuration.method.rank)) + self.cells[key]


def ended(driver: Driver) -> dict[str, Any]:
    return driver.ledger.ending()


@pytest.mark.parametrize("sampler", ["tpe", "surface", "random"])
def test_a_search_in_which_nothing_differs_ends_early_at_the_end_of_a_round_and_says_why(sampler: str) -> None:
    driver, _ = run(plan(f"sampler={sampler}"), World(0.0).score)
    assert len(driver.results) in (16, 24)
    reason = ended(driver)["reason"]
    assert reason.startswith(f"the search stopped after {len(driver.results)} of 44 trials: ")
    assert reason.endswith("to the front, less than 0.01")


def test_what_ends_the_search_is_the_reports_tolerance() -> None:
    hardly, _ = run(plan("report.tolerance=0.00001"), World(0.0).score)
    assert len(hardly.results) == 44
    assert ended(hardly) == {}


def test_a_search_that_may_still_gain_goes_on() -> None:
    driver, _ = run(plan("sampler=random", "study.trials=16"), World(0.2, 0.03).score)
    assert len(driver.results) == 16
    assert ended(driver) == {}


@pytest.mark.parametrize("schedule", ["rounds", "rolling", "async"])
@pytest.mark.parametrize("sampler", ["tpe", "surface", "random", "grid"])
def test_a_space_that_is_used_up_ends_the_search_when_all_of_it_is_trained(sampler: str, schedule: str) -> None:
    usual = ("study.folds=3", "study.trials=30", "search.stop=settled", "search.baselines=[head,full]")
    made = plan_of(*usual, "method.rank=1,2,4", f"sampler={sampler}", f"search.schedule={schedule}")
    store = InMemoryStorage()
    driver, launcher = run(made, World(0.2).score, store)
    assert len(driver.results) == 5 == len({trial for trial, _ in launcher.ran})
    reason = "the search stopped after 5 of 30 trials: every configuration of the space was tried"
    assert ended(driver)["reason"] == reason
    again, launcher = run(made, World(0.2).score, store)
    more, _ = run(plan_of(*usual, "study.trials=40", "method.rank=1,2,4", f"sampler={sampler}",
                          f"search.schedule={schedule}"), World(0.2).score, store)  # fmt: skip
    assert len(again.results) == len(more.results) == 5
    assert launcher.ran == []


def test_one_worker_and_eight_end_alike() -> None:
    one, eight = (run(plan("sampler=surface"), World(0.05).score, workers=n)[0] for n in (1, 8))
    assert outcome(one) == outcome(eight)
    assert ended(one) == ended(eight)


def test_an_ended_study_stays_ended_until_it_is_given_another_budget_and_then_goes_on_by_a_round() -> None:
    store, world = InMemoryStorage(), World(0.0)
    first, _ = run(plan(), world.score, store)
    count = len(first.results)
    again, launcher = run(plan(), world.score, store)
    assert len(again.results) == count
    assert launcher.ran == []
    assert ended(again) == ended(first)
    more, _ = run(plan("study.trials=40"), world.score, store)
    assert len(more.results) == count + 8
    assert ended(more)["after"] == count + 8


def test_a_study_whose_key_is_taken_away_trains_its_budget_and_its_record_no_longer_says_that_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr(NoTracker, "note_ending", lambda tracker, reason: said.append(reason))
    store, world = InMemoryStorage(), World(0.0)
    first, _ = run(plan(), world.score, store)
    assert said == [ended(first)["reason"]]
    whole = plan("search.stop=null")
    assert whole.fingerprint == plan().fingerprint
    driver, _ = run(whole, world.score, store)
    assert len(driver.results) == 44
    assert said[1:] == [""]
    again, _ = run(plan("study.trials=44"), world.score, store)
    assert len(again.results) == 44


def test_a_round_that_was_cut_off_is_finished_before_the_search_may_end() -> None:
    store, world = InMemoryStorage(), World(0.0)
    whole, _ = run(plan(), world.score)
    run(plan("study.trials=12", "search.stop=null"), world.score, store)  # ends between two rounds
    driver, _ = run(plan(), world.score, store)
    assert len(driver.results) % 8 == 0
    assert len(driver.results) >= len(whole.results)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_failed_trials_of_an_ended_search_are_asked_again_and_trained(schedule: str) -> None:
    store, world, chosen = InMemoryStorage(), World(0.0), ("sampler=random", f"search.schedule={schedule}")

    def failing(configuration: Configuration, fold: int) -> float | None:
        return None if (configuration.method.rank, fold) == (64, 1) else world.score(configuration, fold)

    failed, _ = run(plan(*chosen), failing, store)
    ill = {number for number, result in failed.results.items() if result.failure}
    again, launcher = run(plan(*chosen, "study.retry=failed"), world.score, store)
    assert ill == {result.replaces for result in again.results.values()} - {None}
    assert len(launcher.ran) == len(ill) > 0
    assert len(again.results) == len(failed.results)
    assert ended(again) == ended(failed)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_fold_of_an_ended_search_that_lost_its_worker_is_tried_again(
    schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, world, chosen = InMemoryStorage(), World(0.0), ("sampler=random", f"search.schedule={schedule}")
    trained = Invented._result

    def dying(launcher: Invented, member: Member) -> FoldResult:
        lost = FoldResult(member.trial, member.fold, None, error="its worker died", transient=True)
        return lost if (member.trial, member.fold) == (2, 1) else trained(launcher, member)

    monkeypatch.setattr(Invented, "_result", dying)
    left, _ = run(plan(*chosen), world.score, store)
    monkeypatch.setattr(Invented, "_result", trained)
    assert ended(left)
    again, launcher = run(plan(*chosen), world.score, store)
    assert launcher.ran == [(2, 1)]
    assert again.results.keys() == left.results.keys() | {2}
    assert ended(again) == ended(left)


def test_the_key_is_no_part_of_what_a_study_is() -> None:
    assert "search.stop" not in plan().values
    assert identity.defaults_of(plan().config)["search.stop"] is None


WRONG = {
    "search.stop=soon": "search.stop=soon: is not one of settled; write search.stop=settled, or null",
    "objectives=[score,loss]": "search.stop=settled: weighs one score against costs",
}


@pytest.mark.parametrize("argument", WRONG)
def test_what_cannot_end_a_search_is_said(argument: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_objectives(plan(argument).config)
    assert WRONG[argument] in str(raised.value)
