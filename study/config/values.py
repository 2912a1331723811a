"""A configuration's records as plain values, flat or nested, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, TypeVar

from study.core.errors import ConfigError

T = TypeVar("T")


def flatten(config: Any, prefix: str = "") -> dict[str, Any]:
    """Dotted keys to leaf values of a (nested) dataclass; lists and dicts are leaves."""
    out: dict[str, Any] = {}
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            out |= flatten(value, f"{prefix}{f.name}.")
        else:
            out[prefix + f.name] = value
    return out


def plain(config: Any) -> dict[str, Any]:
    """The dataclass as nested dicts, ready for YAML or JSON."""
    return asdict(config)


def revive(kind: type[T], raw: Mapping[str, Any]) -> T:
    """The inverse of :func:`plain`; what is missing is at its default.

    Raises ConfigError where a key is unknown: another version of the suite wrote it.
    """
    parts = {f.name: f.default_factory for f in fields(kind) if is_dataclass(f.default_factory)}  # type: ignore[arg-type]
    unknown = raw.keys() - {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if unknown:
        rule = "is no key of this version of the suite"
        raise ConfigError(", ".join(sorted(unknown)), rule, "use the version that ran the study")
    return kind(**{k: revive(parts[k], v) if k in parts else v for k, v in raw.items()})  # type: ignore[arg-type]
