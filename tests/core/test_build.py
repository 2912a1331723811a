"""What a YAML names by `_target_` is made with the arguments beside it; mistakes are one line."""

from __future__ import annotations

from typing import Any

import pytest

from study.config.compose import compose
from study.config.overrides import rewrite
from study.config.space import parse_space
from study.core.build import build
from study.core.errors import ConfigError
from study.search import samplers


def made(*overrides: str) -> Any:
    config = compose(rewrite(["method.rank=2,4", *overrides]))
    return samplers.make(config.sampler, parse_space(config), config.study.seed, 0)


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["sampler=tpe"], "TPESampler"),
        (["sampler=random"], "RandomSampler"),
        (["sampler=grid"], "GridSampler"),
        (["sampler=nsga2", "sampler.population_size=6", "sampler.mutation_prob=0.1"], "NSGAIISampler"),
        (["sampler=gp", "sampler.deterministic_objective=true"], "GPSampler"),
        (["sampler=tpe", "sampler.n_ei_candidates=7"], "TPESampler"),
        (["sampler=random", "sampler._target_=optuna.samplers.QMCSampler", "sampler.qmc_type=halton"], "QMCSampler"),
    ],
)
def test_any_sampler_of_optuna_and_any_of_its_arguments_can_be_written(
    overrides: list[str], name: str, recwarn: pytest.WarningsRecorder
) -> None:
    assert type(made(*overrides)).__name__ == name
    assert [str(warning.message) for warning in recwarn] == []  # such as that it is experimental: it was chosen


def test_a_sampler_is_the_trials_own_and_the_same_again() -> None:
    config = compose(rewrite(["method.rank=2,4"]))
    states = [
        samplers.make(config.sampler, parse_space(config), 0, trial)._rng.rng.random(3).tolist() for trial in (0, 1, 0)
    ]
    assert states[0] == states[2] != states[1]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["sampler.startup=3"], "sampler.startup=3: is no argument of optuna.samplers.TPESampler; choose among"),
        (
            ["sampler=nsga2", "sampler.population_size=1"],
            "sampler.population_size=1: is refused by optuna.samplers",
        ),
        (
            ["sampler={_target_: optuna.samplers.Nothing}"],
            "sampler._target_=optuna.samplers.Nothing: cannot be imported",
        ),
        (["sampler._target_=nowhere.at.all"], "sampler._target_=nowhere.at.all: cannot be imported"),
        (["sampler._target_=optuna.__version__"], "is neither a class nor a function"),
        (["sampler._target_=null"], "sampler._target_=None: cannot be imported"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(overrides: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        made(*overrides)
    assert "\n" not in str(caught.value)


def both(seed: int, space: int) -> tuple[int, int]:
    return seed, space


def test_what_is_offered_gives_way_to_what_is_written() -> None:
    assert build("thing", {"_target_": f"{__name__}.both", "seed": 3}, seed=4, space=5) == (3, 5)
