"""Bounds read what people write; configurations come back from what a store keeps of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.config.schema import Configuration, MethodConfig, StudyConfig, StudySettings, TaskConfig
from study.config.values import plain, revive
from study.core.errors import ConfigError
from study.export.job.bounds import UNITS, Bound, parse, within

NAMES = ("bytes", "latency_p50_ms", "params/trainable")


@given(st.floats(0, 1e12), st.sampled_from(["<=", ">=", "<", ">"]), st.sampled_from(sorted(UNITS)))
def test_a_bound_is_read_as_it_is_written(value: float, relation: str, unit: str) -> None:
    (bound,) = parse("within", f" bytes {relation} {value!r}{unit} ", NAMES, {})
    assert (bound.name, bound.relation) == ("bytes", relation)
    assert bound.limit == pytest.approx(value * UNITS[unit])


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_figure_is_within_a_bound_where_the_relation_holds(limit: float, value: float) -> None:
    assert within(parse("within", f"bytes<={limit!r}", NAMES, {}), {"bytes": value}) == (value <= limit)
    assert within(parse("within", f"bytes>{limit!r}", NAMES, {}), {"bytes": value}) == (value > limit)


def test_all_of_several_bounds_must_hold_and_a_figure_that_is_missing_holds_none() -> None:
    limits = parse("within", "bytes<=50MB,latency_p50_ms<=10ms", NAMES, {})
    assert limits == (Bound("bytes", "<=", 5e7), Bound("latency_p50_ms", "<=", 10.0))
    assert within(limits, {"bytes": 4e7, "latency_p50_ms": 9.0})
    assert not within(limits, {"bytes": 4e7, "latency_p50_ms": 11.0})
    assert not within(limits, {"bytes": 4e7})


def test_a_short_name_stands_for_a_long_one() -> None:
    assert parse("trial", "params<=50k", NAMES, {"params": "params/trainable"})[0].name == "params/trainable"


@pytest.mark.parametrize("text", ["", "bytes", "bytes<=", "bytes=5", "bytes<=5 5", "bytes<=1.2.3", "bytes<=5,"])
def test_what_is_no_bound_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="within="):
        parse("within", text, NAMES, {})


def test_a_configuration_comes_back_from_json() -> None:
    config = StudyConfig(
        study=StudySettings("mine", seed=7),
        task=TaskConfig(limit=100),
        method=MethodConfig("factorized", rank="attention:8,ffn:2", residual="drop"),
        space={"method.rank": "choice(1,2)"},
    )
    assert revive(StudyConfig, json.loads(json.dumps(plain(config)))) == config
    configuration = config.configuration
    assert revive(Configuration, json.loads(json.dumps(plain(configuration)))) == configuration


def test_a_configuration_of_another_version_is_refused_by_its_key() -> None:
    with pytest.raises(ConfigError, match="flavour: is no key of this version"):
        revive(StudyConfig, {"study": {"name": "mine", "flavour": "sweet"}})
