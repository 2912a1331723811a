"""What was typed for a key whose value is text, as a string of Hydra's override grammar that means just that."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import fields, is_dataclass
from functools import cache
from os.path import expanduser
from typing import Any, Optional, get_type_hints

from study.config import SEARCHABLE, StudyConfig

PATHS = ("task.path", "task.test_path", "model.name", "report.dir", "out")  # the shell leaves their ~ alone
NUMBERS = ("engine.pack",)  # a number, or auto


@cache
def text_keys() -> dict[str, bool]:
    """The schema's keys whose values are text, each with whether it may be null."""
    return {k: optional for k, optional in _texts(StudyConfig, "").items() if k not in NUMBERS}


def _texts(kind: type[Any], prefix: str) -> dict[str, bool]:
    hints = get_type_hints(kind)
    out: dict[str, bool] = {}
    for field in fields(kind):
        hint, key = hints[field.name], prefix + field.name
        if is_dataclass(hint):
            out |= _texts(hint, f"{key}.")  # type: ignore[arg-type]
        elif hint in (str, Optional[str]):  # noqa: UP045
            out[key] = hint is not str
    return out


def of_study(argument: str) -> str:
    """The argument of `lora-study`, its text quoted; a sweep of a searchable key stays a sweep."""
    key = argument.partition("=")[0].lstrip("+")
    if key not in text_keys():
        return argument
    if key.partition(".")[0] in SEARCHABLE and _sweeps(argument):
        return argument
    return as_text(argument, (key,), (key,) if text_keys()[key] else ())


def as_text(argument: str, keys: Collection[str], optional: Collection[str] = ()) -> str:
    """The argument with its value quoted, if its key is among the `keys`.

    What is in Hydra's quotes already, nothing at all, and null for an `optional` key stay as they are.
    """
    start, equals, value = argument.partition("=")
    key = start.lstrip("+")
    if not equals or key not in keys or not value or (value == "null" and key in optional):
        return argument
    if _is_quoted(argument, value):
        return argument
    return f"{start}={quoted(_expanded(value) if key in PATHS else value)}"


def quoted(text: str) -> str:
    """The text as Hydra's quoted string: quotes, the backslashes before them, and interpolations are literal."""
    literal = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    return "'" + re.sub(r"(\\*)('|$(?!\n))", _escaped, literal) + "'"


def _escaped(match: re.Match[str]) -> str:
    return match[1] * 2 + (r"\'" if match[2] else "")


def _expanded(value: str) -> str:
    return expanduser(value) if value == "~" or value.startswith("~/") else value


def _is_quoted(argument: str, value: str) -> bool:
    from hydra.core.override_parser.types import QuotedString

    if len(value) < 2 or value[0] not in "'\"" or value[-1] != value[0]:
        return False
    override = _parsed(argument)
    return override is not None and isinstance(override._value, QuotedString)


def _sweeps(argument: str) -> bool:
    override = _parsed(argument)
    return override is not None and bool(override.is_sweep_override())


def _parsed(argument: str) -> Any:
    """Hydra's reading of the argument, None where it has none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_override(argument)
    except HydraException:
        return None
