"""What is known to break a constraint is not trained, what turns out to is off the front, and samplers learn both."""

from __future__ import annotations

import pytest
from invented import Invented, outcome, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.schema import Configuration
from study.core.errors import ConfigError, ResumeError
from study.core.records import FoldResult
from study.export.job import choice
from study.search import finish
from study.search.driver import Driver
from study.search.identity import defaults_of, fingerprint, values_of
from study.search.plan import Plan
from study.search.untried import REDRAWS

SPACE = "method.rank=1,2,4,8,16,32"
USUAL = ("study.folds=2", "study.trials=8", "search.round=4", "search.baselines=[head,full]", "sampler=random", SPACE)
SMALL = "constraints=['params/trainable <= 50000']"


def score(configuration: Configuration, fold: int) -> float:
    return 0.5 + 0.01 * min(configuration.method.rank, 8) + 0.001 * fold


def test_what_is_known_to_break_a_constraint_is_not_trained_and_not_on_the_front() -> None:
    plan = plan_of(*USUAL, SMALL)
    driver, launcher = run(plan, score)
    known = {n: plan.known_figures(r.configuration)["params/trainable"] for n, r in driver.results.items()}
    originals = {n for n, r in driver.results.items() if r.duplicate_of is None}
    wanted = {n for n, trained in known.items() if trained <= 50000 or n < 2} & originals
    assert {trial for trial, _ in launcher.ran} == wanted
    assert 3 < len(wanted) < 8
    states = {r.trial: r.state for r in driver.results.values()}
    assert states == {n: None if trained <= 50000 else "infeasible" for n, trained in known.items()}
    assert known[1] > 50000  # full fine-tuning is trained, being what a front is held against, and is infeasible
    assert 1 not in finish.front(plan, driver.results)
    untrained = next(r.stopped for r in driver.results.values() if r.stopped)
    assert untrained.reason == f"breaks params/trainable<=50000 with {known[untrained.trial]:.6g}"
    trials = driver.ledger.trials()
    assert trials[1].constraints == {"params/trainable<=50000": known[1] - 50000}
    assert all((t.constraints["params/trainable<=50000"] > 0) == (states[t.number] is not None) for t in trials)


class Slow(Invented):
    """A launcher whose members answer the more slowly the higher their rank."""

    def _result(self, member) -> FoldResult:
        result = super()._result(member)
        slow = {**result.metrics, "latency/ms": float(member.configuration.method.rank)}
        return FoldResult(result.trial, result.fold, result.score, slow)


def test_what_turns_out_to_break_a_constraint_is_complete_and_infeasible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("invented.Invented", Slow)
    plan = plan_of(*USUAL, "constraints=['latency/ms <= 4']")
    driver, launcher = run(plan, score)
    assert len(launcher.ran) == 16
    assert all(t.state.name == "COMPLETE" for t in driver.ledger.trials())
    slow = {n for n, r in driver.results.items() if r.configuration.method.rank > 4}
    assert {n for n, r in driver.results.items() if r.state == "infeasible"} == slow
    assert not slow & {*finish.front(plan, driver.results)}
    assert driver.results[min(slow)].broken == ("latency/ms<=4",)


STARTUP = "sampler.n_startup_trials=4"
LEARNING = {"random": (), "surface": (STARTUP,), "tpe": (STARTUP,), "nsga2": ("sampler.population_size=4",),
            "gp": (STARTUP,)}  # fmt: skip
WIDE = ("method.rank=" + ",".join(map(str, range(1, 33))), "method.layers=top-1,top-2,top-3,top-4,top-5,all")
ENDLESS = ("method.rank=tag(log, int(interval(1, 128)))", "method.lam=tag(log, interval(0.1, 100))")


def constrained(sampler: str, trials: int, *more: str, bound: str = "40k", seed: int = 0) -> Plan:
    usual = ("study.folds=2", f"study.trials={trials}", "search.round=4", "search.baselines=[]")
    bounds = f"constraints=['params/trainable <= {bound}']"
    made: Plan = plan_of(*usual, f"sampler={sampler}", *LEARNING[sampler], bounds, *more, seed=seed)
    return made


def infeasible(driver: Driver) -> list[int]:
    return [n for n, r in driver.results.items() if r.state == "infeasible"]


def share_of_infeasible(sampler: str, trials: int) -> float:
    """Of all proposals for three studies, counting none twice."""
    drivers = [run(constrained(sampler, trials, *WIDE, seed=seed), score)[0] for seed in range(3)]
    return sum(len(infeasible(d)) for d in drivers) / sum(len(d.results) for d in drivers)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "surface", pytest.param("gp", marks=pytest.mark.long)])
def test_what_learns_proposes_fewer_infeasible_ones_than_chance(sampler: str) -> None:
    assert share_of_infeasible(sampler, 24) < 0.95 * share_of_infeasible("random", 24)


@pytest.mark.parametrize("space", [WIDE, ENDLESS], ids=["finite", "infinite"])
@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_what_is_known_to_break_a_constraint_takes_no_place_while_anything_else_is_left(
    sampler: str, space: tuple[str, ...]
) -> None:
    driver, launcher = run(constrained(sampler, 24, *space, bound="20k"), score)
    passed = [n for n, r in driver.results.items() if r.passed_over]
    assert len({trial for trial, _ in launcher.ran}) == 24 == len(driver.results) - len(passed)
    assert infeasible(driver) == passed
    assert 0 < len(passed) <= 24 + REDRAWS
    trials = driver.ledger.trials()
    assert all(trials[n].constraints["params/trainable<=20000"] > 0 for n in passed)
    assert {trials[n].state.name for n in passed} == {"PRUNED"}
    driver.ledger.searched.follow(trials)
    seen = {n: driver.ledger.searched.study.trials[n].constraints for n in passed}
    assert seen == {n: trials[n].constraints for n in passed}


@pytest.mark.parametrize("schedule", ["rounds", "rolling"])
@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", pytest.param("gp", marks=pytest.mark.long)])
def test_a_constrained_study_that_goes_on_and_one_with_eight_workers_ask_for_the_same(
    sampler: str, schedule: str
) -> None:
    chosen = (*WIDE, f"search.schedule={schedule}")
    whole, _ = run(constrained(sampler, 16, *chosen), score)
    eight, _ = run(constrained(sampler, 16, *chosen), score, workers=8)
    store = InMemoryStorage()
    for trials in (4, 8, 16):
        resumed, _ = run(constrained(sampler, trials, *chosen), score, store)
    assert outcome(whole) == outcome(eight) == outcome(resumed)


@pytest.mark.parametrize("schedule", ["rounds", "rolling", "async"])
@pytest.mark.parametrize("space", [WIDE, ENDLESS], ids=["finite", "infinite"])
def test_where_everything_breaks_a_constraint_nothing_trains_and_a_search_that_may_settle_ends_and_says_so(
    space: tuple[str, ...], schedule: str
) -> None:
    chosen = (*space, f"search.schedule={schedule}")
    driver, launcher = run(constrained("tpe", 20, *chosen, bound="10"), score)
    assert launcher.ran == []
    assert (len(infeasible(driver)), driver.ledger.ending()) == (len(driver.results), {})
    ended, launcher = run(constrained("tpe", 20, "search.stop=settled", *chosen, bound="10"), score)
    assert (launcher.ran, len(ended.results) < 20) == ([], True)
    assert ended.ledger.ending()["reason"].endswith("keeps params/trainable<=10")


WRONG = {
    "constraints=['params/stored = 5']": "constraints=params/stored = 5: is no bound; write for example params<=50000",
    "constraints=['width <= 5']": "constraints=width <= 5: width is no figure; choose among params, stored, ",
    "constraints=['latency/ms <= 1..2']": "1..2 is no number",
    "constraints=['latency/ms <= 5 furlongs']": "furlongs is no unit; choose among",
    "constraints=['test/score >= 0.5']": "test/score is no figure",
}


@pytest.mark.parametrize("argument", WRONG)
def test_a_constraint_that_is_none_is_named(argument: str) -> None:
    with pytest.raises(ConfigError) as raised:
        plan_of(*USUAL, argument)
    assert WRONG[argument] in str(raised.value)


def test_constraints_belong_to_what_a_study_is_and_none_changes_nothing() -> None:
    def values(*overrides: str) -> tuple[str, dict[str, object]]:
        config = plan_of(*USUAL, *overrides).config
        return fingerprint(values_of(config, {}, {}), defaults_of(config)), values_of(config, {}, {})

    assert values()[0] == values("constraints=[]")[0]
    assert values()[0] != values(SMALL)[0]
    assert values(SMALL) == values("constraints=['params<=50k']")


def test_a_study_does_not_go_on_under_other_constraints() -> None:
    store = InMemoryStorage()
    plan = plan_of(*USUAL, SMALL)
    driver, _ = run(plan, score, store)
    driver.ledger.keep_config()
    with pytest.raises(ResumeError, match=r"another constraints \(\['params/trainable<=50000'\] before, \[\] now\)"):
        run(plan_of(*USUAL), score, store)


def test_the_best_to_export_keeps_the_constraints() -> None:
    plan = plan_of(*USUAL, SMALL)
    driver, _ = run(plan, lambda c, fold: 0.9 if c.method.kind == "full" else score(c, fold))
    chosen = choice.choose("best", driver.ledger, choice.compared_trials(driver.ledger))
    assert plan.known_figures(chosen.configuration)["params/trainable"] <= 50000
    assert choice.choose("1", driver.ledger, choice.compared_trials(driver.ledger)).baseline == "full"
    untrained = next(n for n, r in driver.results.items() if r.stopped)
    with pytest.raises(ConfigError, match=f"trial={untrained}: was stopped before its last fold"):
        choice.choose(str(untrained), driver.ledger, choice.compared_trials(driver.ledger))


def test_where_nothing_keeps_the_constraints_there_is_no_best() -> None:
    driver, launcher = run(plan_of(*USUAL, "constraints=['params/trainable < 10']"), score)
    assert {trial for trial, _ in launcher.ran} == {0, 1}
    assert finish.front(driver.plan, driver.results) == []
    with pytest.raises(ConfigError, match="has no complete trial that keeps its constraints"):
        choice.choose("best", driver.ledger, choice.compared_trials(driver.ledger))
