"""A key whose type is text takes what was typed."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from study.compose import compose_raw
from study.errors import ConfigError
from study.names import check_name
from study.overrides import rewrite
from study.words import of_study

TYPED = ["2024_10_01", "true", "2_3", "reviews (1).csv", "c#.csv", "été.csv", "Review (EN)", "a${b}", "it's", "x\\"]


def text(value: str) -> object:
    return compose_raw(rewrite([f"task.text={value}"]), None).task.text


@pytest.mark.parametrize("value", TYPED)
def test_a_text_arrives_as_it_was_typed(value: str) -> None:
    assert text(value) == value


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(lambda t: t not in ("null", "???")))
@example("\\\\${")
@example("\\'")
def test_any_text_that_is_not_quoted_already_survives(value: str) -> None:
    if len(value) < 2 or value[0] not in "'\"":
        assert text(value) == value


def test_null_quotes_and_sweeps_mean_what_they_did() -> None:
    assert text("null") is None
    assert text("'null'") == "null"
    for sweep in ("method.targets=qv,ffn", "method.layers=choice(all,top-1)"):
        assert of_study(sweep) == sweep
    assert of_study("method.targets=.*query|value") == "method.targets='.*query|value'"


@pytest.mark.parametrize("name", ["", "..", ".", "a/b", "a\\b", "a\0", " a", "a.", "é" * 101, "\ud800"])
def test_what_cannot_name_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="names a folder"):
        check_name("study.name", name)


@pytest.mark.parametrize("wrong", ["tracking=null", "method=1", "task=null", "launcher=2", "+task.max_rows=100"])
def test_what_is_no_option_and_no_key_is_refused_while_composing(wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong.split("=")[0].lstrip("+")):
        rewrite([wrong])
