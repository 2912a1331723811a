"""The schema's keys whose values are text, which take what was typed, and sweeps of such words."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Optional, get_type_hints

from study.config.former import KEYS
from study.config.options import OPEN
from study.config.schema import SEARCHABLE, StudyConfig
from study.config.values import flatten
from study.core.quoting import as_text, in_quotes, parse_override

NUMBERS = ("engine.pack", "study.repeats")  # a number, or auto
ARGUMENTS = {"tracking.uri": True}  # of conf/'s own options: text, each with whether it may be null
SETTABLE = frozenset(flatten(StudyConfig())) - {"space"}  # whose entries a + adds


@cache
def text_keys() -> dict[str, bool]:
    """The schema's keys whose values are text, each with whether it may be null."""
    return {k: optional for k, optional in _texts(StudyConfig, "").items() if k not in NUMBERS} | ARGUMENTS


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


def hydra_argument(argument: str) -> str:
    """The argument of `lora-study` in Hydra's grammar: text is quoted, commas outside brackets sweep a searchable key.

    A + before a key of the schema is left out: there is nothing to add, and what it should hold is clear. A key that
    once chose an option of its group, such as ``tracking.name``, is the group.
    """
    start, equals, value = argument.partition("=")
    key = start.strip().lstrip("+")
    key = KEYS.get(key, key)
    if equals and (key in SETTABLE or key.partition(".")[0] in OPEN):
        argument = f"{key}={value}"
    sweep = _sweep(key, value) if key in text_keys() and key.partition(".")[0] in SEARCHABLE else None
    return sweep or as_text(argument, text_keys(), [k for k, optional in text_keys().items() if optional])


def _sweep(key: str, value: str) -> str | None:
    """The argument with those of its choices quoted that Hydra would change or not take; None for a single text."""
    listed = re.fullmatch(r"choice\((.*)\)", value, re.DOTALL)
    parts = _parts(listed[1] if listed else value)
    if set(value) & set("'\"") or not all(map(str.strip, parts)) or (len(parts) == 1 and not listed):
        override = parse_override(f"{key}={value}")
        return f"{key}={value}" if override is not None and override.is_sweep_override() else None
    choices = ",".join(part if _is_word(part) else in_quotes(part.strip()) for part in parts)
    return f"{key}=choice({choices})" if listed else f"{key}={choices}"


def _parts(text: str) -> list[str]:
    """The text cut at its commas outside brackets, those of a regular expression among them."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _is_word(part: str) -> bool:
    """Whether Hydra reads just this text, rather than a number or a truth value, where nothing is quoted."""
    override = parse_override(f"key={part}")
    return override is not None and override._value == part.strip()
