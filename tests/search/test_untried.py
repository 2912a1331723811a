"""No sampler spends a trial on a training that has been asked for while others have not."""

from __future__ import annotations

import pytest
from invented import outcome, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.schema import Configuration
from study.search.plan import Plan
from study.search.stored import configuration_of

SPACES = {
    4: ("method.rank=1,2", "method.layers=top-1,all"),
    6: ("method.rank=1,2,4", "method.layers=top-1,all"),
}
SAMPLERS = ("tpe", "random", "nsga2", pytest.param("gp", marks=pytest.mark.long), "in_turn")


def plan(size: int, sampler: str, *more: str) -> Plan:
    startup = "sampler.population_size=2" if sampler == "nsga2" else "sampler.n_startup_trials=2"
    chosen = (f"sampler={sampler}", *([startup] if sampler in ("tpe", "gp", "nsga2") else []))
    usual = ("study.folds=2", "search.round=2", "search.baselines=[]", f"study.trials={size}")
    return plan_of(*usual, *SPACES[size], *chosen, *more)


def score(configuration: Configuration, fold: int) -> float:
    return 0.5 + 0.01 * configuration.method.rank + 0.001 * fold


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("size", SPACES)
def test_a_space_is_trained_whole_before_anything_repeats(size: int, sampler: str) -> None:
    driver, launcher = run(plan(size, sampler), score)
    trained = {(r.configuration.method.rank, r.configuration.method.layers) for r in driver.results.values()}
    assert len(trained) == size
    assert len(launcher.ran) == 2 * size
    assert all(r.duplicate_of is None for r in driver.results.values())


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_study_that_goes_on_asks_for_what_is_left_as_an_undisturbed_one(sampler: str) -> None:
    whole, _ = run(plan(6, sampler), score)
    store = InMemoryStorage()
    for trials in (2, 4, 6):
        resumed, _ = run(plan(6, sampler, f"study.trials={trials}"), score, store)
    assert outcome(resumed) == outcome(whole)


def test_when_everything_has_been_asked_for_trials_repeat_what_there_is_and_train_nothing() -> None:
    driver, launcher = run(plan(4, "random", "study.trials=7"), score)
    assert len(launcher.ran) == 8
    assert [r.duplicate_of is not None for r in driver.results.values()] == [False] * 4 + [True] * 3


def test_names_of_one_training_are_one_configuration() -> None:
    driver, launcher = run(plan(4, "random", "method.layers=all,top-6"), score)  # the embedded model has six blocks
    assert len({t for t, _ in launcher.ran}) == 2
    assert len({str(configuration_of(t)) for t in driver.ledger.trials()}) >= 2


def test_an_infinite_space_is_asked_for_again_a_few_times() -> None:
    space = ("method.kind=head,lora", "method.lam=tag(log, interval(0.1, 100))")
    driver, _ = run(plan_of("study.folds=2", "study.trials=12", "search.baselines=[]", "sampler=random", *space), score)
    kinds = [r.configuration.method.kind for r in driver.results.values()]
    assert kinds.count("head") == 1  # whatever its λ, it trains the same
    assert kinds.count("lora") == 11
