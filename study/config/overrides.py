"""Overrides that Hydra calls sweeps join the space; plain ones fix their key and take it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from study.config.compose import check_option, compose_raw
from study.config.options import OPEN
from study.config.ranks import PLACE
from study.config.textkeys import SETTABLE, hydra_argument, text_keys
from study.core.errors import ConfigError
from study.core.quoting import quote

# What picking another option of a group settles, so that it is no longer searched.
SETTLED_BY_GROUP = {"method": ("method.kind",), "model": ("model.name",)}


def rewrite(overrides: list[str], config_dir: str | None = None) -> list[str]:
    """Overrides in which sweeps have joined the space and plain values have left it.

    ``method.rank=4,8`` becomes an entry of `space`; ``method.rank=8`` takes the key out of it. Of a rank as a whole
    and the rank of one key, such as ``method.rank.ffn``, the one that is written later holds.
    """
    plain: list[str] = []
    sweeps: dict[str, str] = {}
    fixed: set[str] = set()
    for text, override in [(text, _parse(text)) for text in map(hydra_argument, overrides)]:
        key = override.key_or_group
        _refuse_removal(override, text)
        sweeps = {k: v for k, v in sweeps.items() if not _settles(key, k)}
        if override.is_sweep_override() and not key.startswith("hydra"):
            _refuse_group_sweep(key, text)
            sweeps[key] = text.split("=", 1)[1]
            fixed = {k for k in fixed if not _settles(key, k)}
        else:
            if not override.is_delete() and "." not in key:
                check_option(key, override.value())
            plain += _with_place_for_a_pattern(text, override)
            fixed |= {key, *SETTLED_BY_GROUP.get(key, ())}
    settling = {*fixed, *(key for key in sweeps if key.startswith("method.rank"))}
    searched = compose_raw(plain, config_dir).space if settling else {}
    left: dict[str, str | None] = {key: None for key in searched if any(_settles(k, key) for k in settling)}
    entries = left | sweeps
    return [*plain, f"++space={_dict(entries)}"] if entries else plain


def _with_place_for_a_pattern(text: str, override: Any) -> list[str]:
    """The override as Hydra takes it where a pattern of ranks comes in a number's place, or a group's keys are open."""
    if text.startswith((PLACE, *(f"{group}." for group in OPEN))):
        return [f"++{text}"]
    if override.key_or_group == "method.rank" and isinstance(override.value(), dict):
        return ["method.rank=1", text]  # else its keys would join those of a pattern that is there
    return [text]


def _settles(key: str, other: str) -> bool:
    """Whether a value for `key` also decides `other`: it is the same, or one is the rank and the other a target's."""
    inner, outer = sorted((key, other), key=len, reverse=True)
    return key == other or (outer == "method.rank" and inner.startswith(PLACE))


def _dict(entries: Mapping[str, str | None]) -> str:
    """A mapping in Hydra's override grammar: sweeps are quoted strings, null takes a key out of the space."""
    return "{" + ", ".join(f"{k}: {'null' if v is None else quote(v)}" for k, v in entries.items()) + "}"


def _parse(text: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        remedy = "write key=value, key=a,b,c or key=interval(low,high)"
        raise ConfigError(text, "is not in Hydra's override grammar", remedy) from error


def _refuse_removal(override: Any, text: str) -> None:
    """Raise ConfigError for ~key, where a configuration has that key whatever is said."""
    key = override.key_or_group
    if override.is_delete() and key in SETTABLE:
        remedy = f"write {key}=null" if text_keys().get(key) else f"leave {key} away, for its default"
        raise ConfigError(text, "takes away a key that every study has", remedy)


def _refuse_group_sweep(key: str, text: str) -> None:
    if "." in key:
        return
    value = text.split("=", 1)[1]
    inner = {"method": "method.kind", "model": "model.name"}.get(key)
    remedy = f"write {inner}={value}" if inner else "sweep single keys such as method.rank"
    raise ConfigError(text, "sweeps a group of keys, and a space is made of single keys", remedy)
