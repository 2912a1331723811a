"""What is known to break a constraint is not trained, what turns out to is off the front, and samplers learn both."""

from __future__ import annotations

import pytest
from invented import Invented, outcome, plan_of, run

from study.config.schema import Configuration
from study.core.errors import ConfigError, ResumeError
from study.core.records import FoldResult
from study.export.job import choice
from study.search import finish
from study.search.identity import defaults_of, fingerprint, values_of

SPACE = "method.rank=1,2,4,8,16,32"
USUAL = ("study.folds=2", "study.trials=8", "search.round=4", "search.baselines=[head,full]", "sampler=random", SPACE)
SMALL = "constraints=['params/trainable <= 50000']"


def score(configuration: Configuration, fold: int) -> float:
    return 0.5 + 0.01 * min(configuration.method.rank, 8) + 0.001 * fold


def test_what_is_known_to_break_a_constraint_is_not_trained_and_not_on_the_front() -> None:
    plan = plan_of(*USUAL, SMALL)
    driver, launcher = run(plan, score)
    known = {n: plan.known_figures(r.configuration)["params/trainable"] for n, r in driver.results.items()}
    wanted = {n for n, trained in known.items() if trained <= 50000 or n < 2}
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
LEARNING = {"tpe": STARTUP, "nsga2": "sampler.population_size=4", "gp": STARTUP}


@pytest.mark.parametrize("sampler", LEARNING)
def test_samplers_learn_which_trials_were_infeasible(sampler: str) -> None:
    ranks = "method.rank=" + ",".join(map(str, range(1, 33)))
    plan = plan_of(*USUAL[:1], "study.trials=24", "search.round=4", "search.baselines=[]", f"sampler={sampler}",
                   LEARNING[sampler], ranks, SMALL)  # fmt: skip
    driver, _ = run(plan, score)
    driver.ledger.searched.follow(driver.ledger.trials())
    seen = driver.ledger.searched.study.trials
    infeasible = [t.number for t in seen if t.constraints["params/trainable<=50000"] > 0]
    assert 0 < len(infeasible) < 24
    assert infeasible == [n for n, r in driver.results.items() if r.state == "infeasible"]
    assert [t.state.name for t in seen if t.number in infeasible] == ["PRUNED"] * len(infeasible)
    again, _ = run(plan, score)
    assert outcome(again) == outcome(driver)


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
    from optuna.storages import InMemoryStorage

    store = InMemoryStorage()
    plan = plan_of(*USUAL, SMALL)
    driver, _ = run(plan, score, store)
    driver.ledger.keep_config()
    with pytest.raises(ResumeError, match=r"another constraints \(\['params/trainable<=50000'\] before, \[\] now\)"):
        run(plan_of(*USUAL), score, store)


def test_the_best_to_export_keeps_the_constraints() -> None:
    plan = plan_of(*USUAL, SMALL)
    driver, _ = run(plan, lambda c, fold: 0.9 if c.method.kind == "full" else score(c, fold))
    chosen = choice.choose("best", driver.ledger, choice.complete_trials(driver.ledger))
    assert plan.known_figures(chosen.configuration)["params/trainable"] <= 50000
    assert choice.choose("1", driver.ledger, choice.complete_trials(driver.ledger)).baseline == "full"
    untrained = next(n for n, r in driver.results.items() if r.stopped)
    with pytest.raises(ConfigError, match=f"trial={untrained}: was stopped before its last fold"):
        choice.choose(str(untrained), driver.ledger, choice.complete_trials(driver.ledger))


def test_where_nothing_keeps_the_constraints_there_is_no_best() -> None:
    driver, launcher = run(plan_of(*USUAL, "constraints=['params/trainable < 10']"), score)
    assert {trial for trial, _ in launcher.ran} == {0, 1}
    assert finish.front(driver.plan, driver.results) == []
    with pytest.raises(ConfigError, match="has no complete trial that keeps its constraints"):
        choice.choose("best", driver.ledger, choice.complete_trials(driver.ledger))
