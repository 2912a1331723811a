"""What a study's results come to when racing has stopped most of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from invented import plan_of, run

from study.config.schema import Configuration
from study.core.errors import ConfigError
from study.core.evidence.verdict import CANNOT_TELL
from study.export.job import choice
from study.search.driver import Driver
from study.search.verdict import judge_results

K = 5
SPACE = ("method.rank=1,2,4,8,16,32", "method.layers=all,top-half,top-1", "method.targets=qv,all-linear")
RACED = ("search.baselines=[]", f"study.folds={K}", "study.trials=36", "sampler=grid", "pruner=racing", *SPACE)


def test_a_raced_study_that_is_sure_is_hardly_ever_wrong() -> None:
    """What racing stopped may be the best by chance or in truth: who forgets it is too sure of what is left."""
    wrong = 0
    for seed in range(16):
        worth, score = world(seed)
        driver = raced(score, seed)
        judgement = judge_results(driver.plan, driver.results)
        assert judgement is not None
        best = max(worth(result.configuration) for result in driver.results.values())
        chosen = worth(driver.results[judgement.recommended or 0].configuration)
        wrong += judgement.verdict.kind != CANNOT_TELL and chosen < best - judgement.tolerance
    assert wrong <= 1


def test_what_was_stopped_is_compared_by_its_folds_and_never_chosen() -> None:
    driver = raced(world(0)[1], 0)
    judgement = judge_results(driver.plan, driver.results)
    assert judgement is not None
    stopped = {number for number, result in driver.results.items() if result.stopped and result.folds}
    assert len(stopped) > 10
    assert stopped < {*judgement.table.numbers}
    chosen = {judgement.recommended, judgement.best, *(judgement.number(row) for row in judgement.verdict.candidates)}
    assert not chosen & stopped
    trained = {number: len(result.folds) for number, result in driver.results.items() if result.folds}
    assert dict(zip(judgement.table.numbers, judgement.table.trained.sum(axis=1), strict=True)) == trained


def test_an_export_is_chosen_by_the_same_comparison() -> None:
    driver = raced(world(0)[1], 0)
    judgement = judge_results(driver.plan, driver.results)
    kept = choice.compared_trials(driver.ledger)
    again = judge_results(driver.plan, kept)
    assert judgement is not None
    assert again is not None
    assert [*again.table.numbers] == [*judgement.table.numbers]
    assert again.verdict.within.tolist() == judgement.verdict.within.tolist()
    assert choice.choose("best", driver.ledger, kept).trial == judgement.recommended
    stopped = next(number for number, result in kept.items() if not result.complete)
    with pytest.raises(ConfigError, match="was stopped before its last fold"):
        choice.choose(str(stopped), driver.ledger, kept)


@pytest.mark.parametrize("pruner", ["none", "racing"])
def test_what_breaks_a_constraint_is_not_compared(pruner: str) -> None:
    bound = "constraints=['score >= 0.8']"  # which is known when all has been trained
    driver, _ = run(plan_of(*RACED, f"pruner={pruner}", bound), world(1)[1])
    judgement = judge_results(driver.plan, driver.results)
    assert judgement is not None
    broken = {number for number, result in driver.results.items() if result.state == "infeasible"}
    assert broken
    assert not broken & {*judgement.table.numbers}


@pytest.mark.parametrize("objectives", ["[score]", "[score,params/trainable]"])
def test_racing_keeps_what_is_cheap_and_near_the_best_for_the_verdict(objectives: str) -> None:
    """The verdict goes by cost even where the score alone is asked for."""

    def score(configuration: Configuration, fold: int) -> float:
        return 0.9 + 0.001 * noise(fold, *key(configuration))[0]

    driver, _ = run(plan_of(*RACED, f"objectives={objectives}"), score)
    judgement = judge_results(driver.plan, driver.results)
    assert judgement is not None
    cheapest = min(
        driver.results.values(), key=lambda r: driver.plan.known_figures(r.configuration)["params/trainable"]
    )
    assert driver.results[judgement.recommended or 0].configuration == cheapest.configuration


def raced(score: Callable[[Configuration, int], float], seed: int) -> Driver:
    driver, _ = run(plan_of(*RACED, seed=seed, examples=2000), score)
    return driver


def world(seed: int) -> tuple[Callable[[Configuration], float], Callable[[Configuration, int], float]]:
    """What each configuration is worth, and its scores, which err as trainings on overlapping sets do."""
    folds = 0.02 * noise("folds", seed)
    folds -= folds[:K].mean()

    def worth(configuration: Configuration) -> float:
        return 0.8 + 0.01 * float(noise("worth", seed, *key(configuration))[0])

    def score(configuration: Configuration, fold: int) -> float:
        error = noise("error", seed, *key(configuration))
        return worth(configuration) + 0.015 * float(K**-0.5 * error[K] + (1 - 1 / K) ** 0.5 * error[fold]) + folds[fold]

    return worth, score


def key(configuration: Configuration) -> tuple[object, ...]:
    method = configuration.method
    return method.rank, method.layers, method.targets


def noise(*parts: object) -> np.ndarray:
    """Normal numbers [K + 1] that these parts determine."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(K + 1)
