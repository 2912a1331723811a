"""Overrides that Hydra calls sweeps join the space; plain ones fix their key and take it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from study.compose import compose_raw
from study.errors import ConfigError

# What picking another option of a group settles, so that it is no longer searched.
SETTLED_BY_GROUP = {"method": ("method.kind",), "model": ("model.name",)}


def rewrite(overrides: list[str], config_dir: str | None = None) -> list[str]:
    """Overrides in which sweeps have joined the space and plain values have left it.

    ``method.rank=4,8`` becomes an entry of `space`; ``method.rank=8`` takes the key out of it.
    """
    parsed = [(text, _parse(text)) for text in overrides]
    plain, sweeps, fixed = [], {}, set()
    for text, override in parsed:
        key = override.key_or_group
        if override.is_sweep_override() and not key.startswith("hydra"):
            _refuse_group_sweep(key, text)
            sweeps[key] = text.split("=", 1)[1]
            fixed.discard(key)
        else:
            plain.append(text)
            fixed |= {key, *SETTLED_BY_GROUP.get(key, ())}
            sweeps.pop(key, None)
    searched = compose_raw(plain, config_dir).space if fixed else {}
    left: dict[str, str | None] = {key: None for key in searched if key in fixed}
    entries = left | sweeps
    return [*plain, f"++space={_dict(entries)}"] if entries else plain


def _dict(entries: Mapping[str, str | None]) -> str:
    """A mapping in Hydra's override grammar: sweeps are quoted strings, null takes a key out of the space."""
    quoted = {k: "null" if v is None else "'" + v.replace("'", r"\'") + "'" for k, v in entries.items()}
    return "{" + ", ".join(f"{k}: {v}" for k, v in quoted.items()) + "}"


def _parse(text: str) -> Any:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(text)
    except HydraException as error:
        remedy = "write key=value, key=a,b,c or key=interval(low,high), and quote it for the shell"
        raise ConfigError(text, "is not in Hydra's override grammar", remedy) from error


def _refuse_group_sweep(key: str, text: str) -> None:
    if "." in key:
        return
    value = text.split("=", 1)[1]
    inner = {"method": "method.kind", "model": "model.name"}.get(key)
    remedy = f"write {inner}={value}" if inner else "sweep single keys such as method.rank"
    raise ConfigError(text, "sweeps a group of keys, and a space is made of single keys", remedy)
