"""Hydra's sweeps become Optuna distributions with the very values that Hydra means."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.config.schema import Configuration, MethodConfig, StudyConfig
from study.config.space import parse_space
from study.core.errors import ConfigError
from study.search import samplers


def space(**sweeps: str):
    keys = {k.replace("__", "."): v for k, v in sweeps.items()}
    return parse_space(replace(StudyConfig(), space=keys))


@given(st.integers(1, 20), st.integers(1, 30), st.integers(1, 5))
def test_an_integer_range_has_the_values_of_hydras_range(start: int, length: int, step: int) -> None:
    parsed = space(method__rank=f"range({start},{start + length},{step})")
    assert parsed.grid()["method.rank"] == list(range(start, start + length, step))


@given(st.lists(st.integers(1, 384), min_size=1, max_size=8, unique=True))
def test_a_choice_keeps_every_value_and_its_type(ranks: list[int]) -> None:
    parsed = space(method__rank=f"choice({','.join(map(str, ranks))})")
    assert parsed.grid()["method.rank"] == ranks


def test_an_interval_of_a_whole_number_is_whole_and_of_a_real_one_real() -> None:
    parsed = space(method__rank="interval(2, 9)", method__lam="tag(log, interval(0.1, 1000))").distributions
    assert parsed["method.rank"] == optuna.distributions.IntDistribution(2, 9)
    assert parsed["method.lam"] == optuna.distributions.FloatDistribution(0.1, 1000, log=True)


def test_null_in_a_choice_is_told_how_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"write method\.lam: 1,null, without choice"):
        space(method__lam="choice(1,null)")


def test_null_is_a_value_of_an_optional_key_alone() -> None:
    assert space(method__lam="null, 10.0").grid() == {"method.lam": [None, 10.0]}
    with pytest.raises(ConfigError, match="no int"):
        space(method__rank="null, 4")


def test_a_grid_of_an_interval_is_refused_with_a_remedy() -> None:
    space = parse_space(replace(StudyConfig(), space={"method.lam": "interval(1, 2)"}))
    with pytest.raises(ConfigError, match=r"choice\(\.\.\.\)"):
        samplers.make({"_target_": "study.search.samplers.grid"}, space, 0, 0)


def test_a_key_of_the_whole_study_cannot_be_searched() -> None:
    for key in ("study.folds", "task.limit", "search.round", "launcher.workers"):
        with pytest.raises(ConfigError, match="the study as a whole"):
            parse_space(replace(StudyConfig(), space={key: "1,2"}))


def test_what_only_observes_a_training_cannot_be_searched() -> None:
    with pytest.raises(ConfigError, match=r"changes nothing that is learned; write train\.curves=true"):
        space(train__curves="true,false")


def test_a_pattern_of_ranks_is_a_choice_like_a_number() -> None:
    parsed = space(method__rank="choice({attention: 8, ffn: 2},{attention: 4, ffn: 4},8)")
    assert parsed.grid() == {"method.rank": ["attention:8,ffn:2", "attention:4,ffn:4", 8]}


def test_the_ranks_of_single_keys_make_the_pattern_of_a_trial() -> None:
    parsed = space(method__rank__attention="4,8", method__rank__ffn="choice(0,2,4)")
    assert parsed.distributions["method.rank.ffn"] == optuna.distributions.CategoricalDistribution([0, 2, 4])
    trial = optuna.trial.FixedTrial({"method.rank.attention": 8, "method.rank.ffn": 0})
    assert Configuration().with_values(parsed.ask(trial)).method.rank == "attention:8,ffn:0"
    kept = Configuration(method=MethodConfig(rank={"ffn": 2, "qv": 1}))
    assert kept.with_values({"method.rank.ffn": 4}).method.rank == "ffn:4,qv:1"


def test_the_rank_of_a_key_may_be_a_range_or_an_interval_of_whole_numbers() -> None:
    parsed = space(method__rank__attention="interval(0, 9)", method__rank__ffn="range(2, 9, 2)").distributions
    assert parsed["method.rank.attention"] == optuna.distributions.IntDistribution(0, 9)
    assert parsed["method.rank.ffn"] == optuna.distributions.IntDistribution(2, 8, step=2)
    with pytest.raises(ConfigError, match="fraction"):
        space(method__rank__ffn="interval(1.5, 2)")


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ("range(1,9,0)", "is no range of numbers in steps"), ("range(nan,1)", "is no range of numbers"),
        ("range(0,1e400)", "is no range of numbers"), ("range(9,1)", "is an empty range"),
        ("range(0.1,0.9,1e-9)", "has 800,000,000 values"), ("range(0,1,1e-12)", "and a choice at most 10,000"),
        ("interval(nan,1)", "does not end in finite numbers"),
        ("interval(0.1,1e400)", "does not end in finite numbers"),
        ("tag(log,interval(1e-5,nan))", "does not end in finite numbers"),
    ],
)  # fmt: skip
def test_a_sweep_without_end_is_refused(sweep: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        space(train__lr=sweep)


def test_a_range_of_whole_numbers_is_as_long_as_it_is_written() -> None:
    assert space(train__batch_size="range(1,1000000000000,3)").distributions == {
        "train.batch_size": optuna.distributions.IntDistribution(1, range(1, 1_000_000_000_000, 3)[-1], step=3)
    }
    assert space(method__rank="range(9,1,-2)").grid() == {"method.rank": [3, 5, 7, 9]}
