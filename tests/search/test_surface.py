"""The surface proposes what raises the front, from the trials alone, and finds it sooner than chance."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from invented import outcome, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.schema import Configuration
from study.core.errors import ConfigError
from study.search import samplers
from study.search.plan import Plan
from study.search.surface.candidates import fill, neighbours, value_at
from study.search.surface.foresight import Foresight
from study.search.surface.prospects import survey

SPACE = ("method.kind=lora,head,factorized", "method.rank=1,2,4,8,16,32", "method.lam=tag(log, interval(0.1, 1000))",
         "method.layers=all,top-half,top-1")  # fmt: skip


def plan(*more: str, sampler: str = "surface", seed: int = 0) -> Plan:
    usual = ("study.folds=3", "search.baselines=[]", "study.trials=24", f"sampler={sampler}")
    made: Plan = plan_of(*usual, *SPACE, *more, seed=seed)
    return made


def score(configuration: Configuration, fold: int) -> float:
    method = configuration.method
    if method.kind == "head":
        return 0.7
    noise = float(np.random.default_rng([fold, *str(configuration).encode()]).normal(0, 0.005))
    return 0.75 + 0.02 * math.log2(method.rank) - 0.05 * abs(math.log10(method.lam or 1) - 1) + noise


def gain(sampler: str, seed: int) -> float:
    """The best true score that the tried configurations have, averaged over budgets of parameters."""
    driver, _ = run(plan(sampler=sampler, seed=seed), score)
    tried = [result.configuration for result in driver.results.values()]
    costs = np.array([driver.plan.known_figures(c)["params/trainable"] for c in tried])
    scores = np.array([np.mean([score(c, fold) for fold in range(30)]) for c in tried])
    return float(np.mean([max(scores[costs <= budget], default=0.5) for budget in np.geomspace(1e3, 1e6, 20)]))


@pytest.mark.long
def test_the_front_rises_faster_than_by_chance_on_every_seed() -> None:
    gains = [gain("surface", seed) - gain("random", seed) for seed in range(4)]
    assert min(gains) > 0
    assert np.mean(gains) > 0.01


def test_a_study_that_goes_on_and_one_with_eight_workers_propose_the_same() -> None:
    whole, _ = run(plan(), score)
    eight, _ = run(plan(), score, workers=8)
    store = InMemoryStorage()
    for trials in (8, 16, 24):
        resumed, _ = run(plan(f"study.trials={trials}"), score, store)
    assert outcome(whole) == outcome(eight) == outcome(resumed)
    assert all(r.duplicate_of is None for r in whole.results.values())


def test_what_breaks_a_constraint_by_its_known_cost_is_never_proposed() -> None:
    driver, _ = run(plan("constraints=['params/trainable <= 30k']"), score)
    costs = [driver.plan.known_figures(r.configuration)["params/trainable"] for r in driver.results.values()]
    assert max(costs) <= 30_000


def test_known_costs_are_taken_as_known_and_measured_ones_are_modelled() -> None:
    known = plan("objectives=[score,params/trainable,latency/ms]")
    told = [(a, [0.8, 0.0, float(len(a) * 10)]) for a in fill(known.tree, 16, 0)]
    told = [(a, [0.8 + 0.01 * i, v[1], v[2]]) for i, (a, v) in enumerate(told)]
    prospects = survey(known.tree, told, Foresight(known), 0)
    figures = [Foresight(known).figures(a)["params/trainable"] for a in prospects.assigned]
    assert prospects.costs[:, 0].tolist() == figures
    assert prospects.costs[:16, 1].tolist() == [v[2] for _, v in told]
    assert np.isfinite(prospects.costs).all()
    assert (prospects.costs[:, 1] > 0).all()


def test_a_row_that_runs_is_no_longer_expected_to_add_what_it_would() -> None:
    made = plan()
    told = [(a, [0.7 + 0.01 * i, Foresight(made).figures(a)["params/trainable"]])
            for i, a in enumerate(fill(made.tree, 16, 0))]  # fmt: skip
    prospects = survey(made.tree, told, Foresight(made), 0)
    gains = prospects.expected_gains()
    best = int(gains[16:].argmax()) + 16
    assert gains[best] > 0
    assert prospects.expected_gains([best])[best] == 0


def test_a_proposal_among_two_hundred_trials_takes_little_time(capsys: pytest.CaptureFixture[str]) -> None:
    made = plan()
    told = [(a, [0.7 + 0.001 * i, Foresight(made).figures(a)["params/trainable"]])
            for i, a in enumerate(fill(made.tree, 200, 0))]  # fmt: skip
    started = time.process_time()
    prospects = survey(made.tree, told, Foresight(made), 0)
    prospects.expected_gains()
    with capsys.disabled():
        print(f"\na fit and a proposal among 200 trials: {time.process_time() - started:.2f} s of the processor")
    assert prospects.draws.shape == (256, len(prospects.assigned))


def test_values_fill_their_distributions_and_neighbours_stay_in_the_tree() -> None:
    tree = plan().tree
    assert {value_at(tree.distributions["method.rank"], u) for u in np.linspace(0, 1, 50)} == {1, 2, 4, 8, 16, 32}
    lam = tree.distributions["method.lam"]
    assert value_at(lam, 0.5) == pytest.approx(10)
    around = fill(tree, 8, 1)
    for assigned in neighbours(tree, around, 200, 0):
        assert assigned.keys() == tree.read(assigned).keys()
        assert all(tree.distributions[k]._contains(tree.distributions[k].to_internal_repr(v))
                   for k, v in assigned.items())  # fmt: skip


@pytest.mark.parametrize("wrong", [{"n_startup_trials": 1}, {"tolerance": -0.1}])
def test_what_the_sampler_cannot_be_made_of_is_said(wrong: dict[str, float]) -> None:
    made = plan()
    with pytest.raises(ConfigError, match=f"sampler.{next(iter(wrong))}="):
        samplers.make({**made.config.sampler, **wrong}, made.tree, 0, 0, objectives=["score"])
    with pytest.raises(ConfigError, match="sampler=surface: weighs one score against costs"):
        samplers.make(made.config.sampler, made.tree, 0, 0, objectives=["score", "loss"])
