"""Keys are asked for where the method reads them, so that no two assignments are one configuration by two names."""

from __future__ import annotations

import math
from typing import Any

import pytest
from invented import outcome, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.schema import Configuration
from study.search import samplers
from study.search.ledger import Ledger
from study.search.plan import Plan

SAMPLERS = ("tpe", "random", "nsga2", pytest.param("gp", marks=pytest.mark.long), "surface", "grid")
KINDS = "method.kind=lora,head,factorized"
FINITE = (KINDS, "method.rank=1,2", "method.lam=1,10", "method.residual=keep,drop", "method.layers=all,top-1")
# lora and factorized read rank, λ and layers, factorized the residual too, head none of them
SIZE = 8 + 1 + 16
USUAL = ("study.folds=2", "search.round=4", "search.baselines=[]")


def plan(sampler: str, trials: int, *space: str) -> Plan:
    startup = "population_size" if sampler == "nsga2" else "n_startup_trials"
    chosen = [f"sampler={sampler}", *([f"sampler.{startup}=4"] if sampler not in ("random", "grid") else [])]
    made: Plan = plan_of(*USUAL, *chosen, f"study.trials={trials}", *space)
    return made


def score(configuration: Configuration, fold: int) -> float:
    method = configuration.method
    return 0.5 if method.kind == "head" else 0.6 + 0.01 * method.rank + 0.001 * (method.lam or 0) + 0.001 * fold


def asked(ledger: Ledger) -> list[dict[str, Any]]:
    return [trial.params for trial in ledger.trials()]


def test_a_finite_space_counts_each_configuration_once() -> None:
    tree = plan("random", 4, *FINITE).tree
    assignments = [*tree.assignments()]
    assert tree.size() == len(assignments) == len({str(a) for a in assignments}) == SIZE
    assert [a for a in assignments if a["method.kind"] == "head"] == [{"method.kind": "head"}]
    assert {len(a) for a in assignments if a["method.kind"] == "lora"} == {4}
    assert {len(a) for a in assignments if a["method.kind"] == "factorized"} == {5}


def test_the_size_of_the_grid_is_said_in_configurations() -> None:
    notes = plan("grid", 4, *FINITE).notes
    assert any(f"The grid has {SIZE} configurations, of which 4 would train" in note for note in notes)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_asks_for_what_is_read_alone_and_trains_the_whole_space_without_repeats(sampler: str) -> None:
    driver, launcher = run(plan(sampler, SIZE, *FINITE), score)
    assert all(r.duplicate_of is None for r in driver.results.values())
    assert len(launcher.ran) == 2 * SIZE
    expected = plan(sampler, SIZE, *FINITE).tree.assignments()
    assert {str(sorted(p.items())) for p in asked(driver.ledger)} == {str(sorted(a.items())) for a in expected}


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2", pytest.param("gp", marks=pytest.mark.long)])
def test_a_study_of_a_tree_that_goes_on_asks_as_an_undisturbed_one(sampler: str) -> None:
    space = ("method.kind=lora,head,factorized", "method.lam=tag(log, interval(0.1, 100))", "method.rank=1,2,4,8,16")
    whole, _ = run(plan(sampler, 14, *space), score)
    store = InMemoryStorage()
    for trials in (4, 8, 14):
        resumed, _ = run(plan(sampler, trials, *space), score, store)
    assert outcome(resumed) == outcome(whole)
    assert [p for p in asked(whole.ledger) if p["method.kind"] == "head"] == [{"method.kind": "head"}]


def test_tpe_learns_the_keys_of_one_kind_from_the_trials_that_have_them() -> None:
    def peaked(configuration: Configuration, fold: int) -> float:
        method = configuration.method
        return 0.5 if method.kind == "head" else 0.9 - 0.1 * abs(math.log10(method.lam or 1) - 1)

    space = ("method.kind=lora,head", "method.lam=tag(log, interval(0.001, 1000))", "objectives=[score]")
    driver, _ = run(plan("tpe", 48, *space), peaked)
    last = [p["method.lam"] for p in asked(driver.ledger)[32:]]
    assert sum(1 <= lam <= 100 for lam in last) > 12


def test_a_key_that_the_only_kind_does_not_read_is_not_asked_for() -> None:
    tree = plan("random", 4, "method=head", "method.lam=tag(log, interval(0.1, 100))", "train.lr=0.01,0.1").tree
    assert [*tree.assignments()] == [{"train.lr": 0.01}, {"train.lr": 0.1}]


def test_a_space_in_which_every_key_is_always_read_is_asked_for_as_it_was() -> None:
    plain = plan("random", 8, "method.kind=lora,pissa", "method.rank=1,2,4", "method.lam=tag(log, interval(0.1, 100))")
    assert plain.tree == plain.space
    seed = plain.config.study.seed
    for number in range(8):
        drawn = samplers.make(plain.config.sampler, plain.tree, seed, number)
        again = samplers.make(plain.config.sampler, plain.space, seed, number)
        first, second = (samplers.Searched(plain.directions) for _ in range(2))
        assert first.ask(number, drawn, plain.tree).params == second.ask(number, again, plain.space).params


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_study_of_before_whose_trials_had_all_keys_goes_on_and_repeats_none_of_them(sampler: str) -> None:
    flat, store = plan(sampler, 8, *FINITE), InMemoryStorage()
    object.__setattr__(flat, "tree", flat.space)  # as earlier versions asked
    earlier = asked(run(flat, score, store)[0].ledger)
    assert {len(params) for params in earlier} == {5}
    trained = len({str(flat.training(r.configuration)) for r in run(flat, score, store)[0].results.values()})
    driver, launcher = run(plan(sampler, 8 + SIZE - trained, *FINITE), score, store)
    assert asked(driver.ledger)[:8] == earlier
    assert all(r.duplicate_of is None for n, r in driver.results.items() if n >= 8)
    assert len(launcher.ran) == 2 * (SIZE - trained)
