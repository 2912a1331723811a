"""Every key that can be wrong by itself has a rule beside it."""

from __future__ import annotations

from typing import Any

import pytest

from study.config.compose import compose
from study.config.rules import CONFIGURATION, STUDY, Rule
from study.config.schema import Configuration, StudyConfig
from study.config.values import flatten
from study.core.errors import ConfigError

RULES = {**CONFIGURATION, **STUDY}
DEFAULTS = flatten(StudyConfig())
# Keys whose values are held against something else: where that is done.
ELSEWHERE = {
    "method.rank": "study/config/ranks.py",
    "method.kind": "study/methods/__init__.py",
}
# One value of each that no study can have.
WRONG: dict[str, Any] = {
    **dict.fromkeys(RULES, -1),
    **{key: "nonsense" for key, rule in RULES.items() if rule.rule.startswith("is not one of")},
    "method.residual": "half", "method.targets": "''", "method.layers": "''", "objectives": [], "engine.pack": "many",
}  # fmt: skip


def test_every_number_has_a_rule() -> None:
    numbers = {
        key for key, value in DEFAULTS.items() if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    assert numbers - RULES.keys() - ELSEWHERE.keys() == set()


@pytest.mark.parametrize("key", RULES)
def test_a_rule_accepts_its_keys_default(key: str) -> None:
    assert RULES[key].accepts(DEFAULTS[key])


@pytest.mark.parametrize("key", RULES)
def test_a_value_against_its_rule_is_refused_with_key_value_rule_and_remedy(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose([f"{key}={WRONG[key]}"])
    said = str(caught.value)
    assert said.startswith(f"{key}=")
    assert (RULES[key].rule in said, RULES[key].remedy in said) == (True, True)


def test_rules_of_a_configuration_are_of_searchable_keys() -> None:
    assert CONFIGURATION.keys() <= flatten(Configuration()).keys()
    assert not CONFIGURATION.keys() & STUDY.keys()


def test_a_key_that_may_be_null_keeps_its_rule_for_other_values() -> None:
    positive = Rule(lambda value: value > 0, "is not positive", "write 1").or_null()
    assert [positive.accepts(value) for value in (None, 1, 0)] == [True, True, False]
