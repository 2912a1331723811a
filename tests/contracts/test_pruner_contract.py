"""What every pruner guarantees: whole waves, decisions of the race alone, open trials alone, and the rest as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import optuna
import pytest
from contracts.toy.floor import Floor

from study.config.members import Stop
from study.core.records import FoldResult
from study.search.pruners import Entry, Pruner, Race
from study.search.pruners.none import NoPruner
from study.search.pruners.racing import Racing
from study.search.pruners.reported import Reported

pytestmark = pytest.mark.filterwarnings("ignore:WilcoxonPruner is experimental")
FOLDS = 5
OBJECTIVES = ["score", "params/trainable"]
PRUNERS: dict[str, Callable[[], Pruner]] = {
    "none": NoPruner,
    "floor": Floor,
    "racing": lambda: Racing(OBJECTIVES, 0),
    "racing on score alone": lambda: Racing(["score"], 0, alpha=0.2, tolerance=0.0, first=2),
    "median": lambda: Reported(optuna.pruners.MedianPruner(n_startup_trials=2), ["score"], 8),
    "wilcoxon": lambda: Reported(optuna.pruners.WilcoxonPruner(), ["score"], 8),
    "halving": lambda: Reported(optuna.pruners.SuccessiveHalvingPruner(), ["score"], 8),
    "hyperband": lambda: Reported(optuna.pruners.HyperbandPruner(), ["score"], 8),
}
SELDOM = {"none", "wilcoxon"}  # of these pruners, the first never stops anything, the other not so early


@pytest.fixture(params=PRUNERS)
def pruner(request: pytest.FixtureRequest) -> Pruner:
    return PRUNERS[request.param]()


def entry(number: int, scores: list[float], folds: int, open_: bool, state: str = "running") -> Entry:
    results = {k: FoldResult(number, k, s, {"score": s}) for k, s in enumerate(scores[:folds])}
    costs = {"params/trainable": 100.0 * (1 + number % 7)}
    return Entry(number, state, results, costs, open_)  # type: ignore[arg-type]


def race(trained: int, seed: int = 0) -> Race:
    """Two baselines, six trials that are complete and eight that run and have trained some folds."""
    rng = np.random.default_rng(seed)
    levels = np.clip(rng.normal(0.6, 0.2, 16)[:, None] + rng.normal(0, 0.02, (16, FOLDS)), 0, 1).tolist()
    done = [entry(n, levels[n], FOLDS, False, "complete") for n in range(8)]
    return Race([*done, *(entry(n, levels[n], trained, n > 9) for n in range(8, 16))], [200] * FOLDS)


def stopped(at: Race, stops: list[Stop]) -> Race:
    """The same race when these decisions have been taken."""
    numbers = {stop.trial for stop in stops}
    entries = [replace(e, state="stopped", open=False) if e.number in numbers else e for e in at.entries]
    return replace(at, entries=entries)


def test_its_waves_are_the_folds_in_their_order(pruner: Pruner) -> None:
    for folds in (2, 3, 10):
        assert [fold for wave in pruner.waves(folds) for fold in wave] == [*range(folds)]


@pytest.mark.parametrize("trained", range(FOLDS))
def test_it_stops_open_trials_alone_each_once_with_the_folds_that_it_has(pruner: Pruner, trained: int) -> None:
    for seed in range(4):
        at = race(trained, seed)
        stops = pruner.stops(at)
        numbers = [stop.trial for stop in stops]
        assert len(numbers) == len({*numbers})
        assert {*numbers} <= {e.number for e in at.open}
        assert {stop.folds for stop in stops} <= {trained}
        assert all(stop.reason for stop in stops)


def test_what_it_was_asked_before_changes_nothing(pruner: Pruner) -> None:
    fresh = [*pruner.stops(race(2))]
    for trained in range(FOLDS):
        pruner.stops(race(trained, seed=9))
    assert [*pruner.stops(race(2))] == fresh


def test_where_some_of_its_decisions_are_taken_it_takes_the_others_as_it_would_have(pruner: Pruner) -> None:
    for seed in range(4):
        at = race(1, seed)
        stops = [*pruner.stops(at)]
        for taken in range(len(stops) + 1):
            assert [*pruner.stops(stopped(at, stops[:taken]))] == stops[taken:]


@pytest.mark.parametrize("name", sorted(PRUNERS.keys() - SELDOM))
def test_it_stops_something_here(name: str) -> None:
    counts = [len(PRUNERS[name]().stops(race(trained, seed))) for trained in (1, 2) for seed in range(4)]
    assert sum(counts) > 0
