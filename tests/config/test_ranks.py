"""A rank is a number or a pattern of numbers, and always frozen, hashable and JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import methods
from study.config import ranks
from study.config.schema import Configuration, MethodConfig
from study.core.errors import ConfigError

KEYS = st.text("abz.*|()[]{}\\_-23", min_size=1, max_size=12).filter(lambda k: k.strip() == k and not k.isspace())


@given(st.dictionaries(KEYS, st.integers(0, 512), min_size=1, max_size=5))
def test_a_pattern_is_read_back_from_its_text(pattern: dict[str, int]) -> None:
    text = ranks.canonical(pattern)
    assert dict(ranks.entries(text)) == pattern
    assert list(dict(ranks.entries(text))) == list(pattern)
    assert ranks.canonical(text) == text


def test_a_comma_inside_a_key_belongs_to_the_key() -> None:
    assert ranks.entries(ranks.canonical({"layer[.][0-9]{1,2}": 4, "ffn": 2})) == (
        ("layer[.][0-9]{1,2}", 4),
        ("ffn", 2),
    )


def test_a_key_that_could_not_be_told_from_two_is_refused() -> None:
    with pytest.raises(ConfigError, match="in two ways"):
        ranks.canonical({"a:8,b": 4})


def test_keys_that_hydra_has_taken_apart_are_joined() -> None:
    assert (
        ranks.canonical({"decoder": {"qv": 8, "self": {"query": 1}}, "ffn": 2})
        == "decoder.qv:8,decoder.self.query:1,ffn:2"
    )


def test_a_number_in_quotes_is_a_number_and_spaces_do_not_count() -> None:
    assert ranks.canonical("8") == 8
    assert ranks.canonical("attention: 8, ffn: 2") == "attention:8,ffn:2"


@pytest.mark.parametrize("wrong", ["abc", "", "a:8,", "a:8,b", "a:-1", 2.5, True, None, {"a": 2.5}, {"a": None}, {}])
def test_what_is_no_rank_is_refused_with_a_remedy(wrong: object) -> None:
    with pytest.raises(ConfigError, match=r"neither a whole number.*method\.rank=\{attention: 8, ffn: 2\}"):
        ranks.check(MethodConfig(rank=wrong).rank)


def test_a_configuration_with_a_pattern_is_hashable_and_survives_json() -> None:
    one = Configuration(method=MethodConfig(rank={"attention": 8, "ffn": 2}))
    assert one.method == MethodConfig(**json.loads(json.dumps(asdict(one.method))))
    assert hash(one) == hash(one.with_values({"method.rank": {"attention": 8, "ffn": 2}}))


def test_a_label_shows_the_pattern() -> None:
    one = Configuration(method=MethodConfig(rank={"attention": 8, "ffn": 2}, targets="all-linear"))
    assert methods.of(one).label(one) == "lora r attention:8,ffn:2 all-linear all"
    assert methods.of(one).label(one, ["method.rank.attention", "method.rank.ffn", "train.lr"], "lora") == (
        "r attention:8,ffn:2 all-linear all lr=0.001"
    )


def test_the_methods_without_ranks_forget_a_pattern() -> None:
    told = Configuration(method=MethodConfig(kind="head", rank={"ffn": 2}))
    assert methods.of(told).canonical(told) == Configuration(method=MethodConfig(kind="head"))
