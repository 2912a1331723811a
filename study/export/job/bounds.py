"""Bounds such as ``params<=50000`` or ``bytes<=50MB,latency_p50_ms<=10``, held against measured figures."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from study.core.errors import ConfigError

RELATIONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
UNITS = {
    "": 1.0, "B": 1.0, "ms": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
}  # fmt: skip
PATTERN = re.compile(r"\s*([A-Za-z_][\w/]*)\s*(<=|>=|<|>)\s*([0-9][0-9._]*(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*")


@dataclass(frozen=True)
class Bound:
    """A bound on a figure: its name, a relation such as <=, and the limit."""

    name: str
    relation: str
    limit: float

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Whether the figure is known and within the bound."""
        return self.name in figures and RELATIONS[self.relation](figures[self.name], self.limit)

    def __str__(self) -> str:
        return f"{self.name}{self.relation}{self.limit:g}"


def parse(key: str, text: str, names: Iterable[str], short: Mapping[str, str]) -> tuple[Bound, ...]:
    """The bounds in a list with commas, on figures of these `names`.

    `short` gives shorter names for some; `key` is the configuration key that errors name. Raises ConfigError where a
    part is no bound, its figure or its unit is unknown.
    """
    return tuple(_bound(key, part, (*short, *names), short) for part in text.split(","))


def is_bound(text: str) -> bool:
    """Whether the text is meant as a list of bounds."""
    return any(sign in text for sign in "<>")


def _bound(key: str, part: str, names: tuple[str, ...], short: Mapping[str, str]) -> Bound:
    """The bound that one part of a list states; ConfigError where it states none."""
    match = PATTERN.fullmatch(part)
    if match is None:
        raise ConfigError(f"{key}={part.strip()}", "is no bound", "write for example params<=50000 or bytes<=50MB")
    name, relation, number, unit = match.groups()
    if name not in names:
        raise ConfigError(f"{key}={part.strip()}", f"{name} is no figure", f"choose among {', '.join(names)}")
    if unit not in UNITS:
        units = ", ".join(u for u in UNITS if u)
        raise ConfigError(f"{key}={part.strip()}", f"{unit} is no unit", f"choose among {units}")
    try:
        limit = float(number) * UNITS[unit]
    except ValueError as error:
        raise ConfigError(f"{key}={part.strip()}", f"{number} is no number", "write for example 50000") from error
    return Bound(short.get(name, name), relation, limit)


def within(bounds: Iterable[Bound], figures: Mapping[str, float]) -> bool:
    """Whether the figures are within all of the bounds."""
    return all(bound.holds(figures) for bound in bounds)
