"""A sweep such as ``4,8``, ``range(1,9)`` or ``interval(0.1,100)``, in Hydra's grammar, to Optuna's distribution."""

from __future__ import annotations

import difflib
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from study.config import ranks
from study.config.options import OPEN
from study.config.schema import SEARCHABLE, Configuration, StudyConfig
from study.config.values import flatten
from study.core.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

GRAMMAR = "write choice(a,b), range(start,stop,step), interval(low,high) or tag(log, interval(low,high))"


def distribution(key: str, sweep: str, config: StudyConfig) -> BaseDistribution:
    """The distribution of a configuration key from its sweep, in Hydra's grammar, with its values' type.

    Raises ConfigError for what is no searchable key of the study or no sweep of several values.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, RangeSweep
    from hydra.errors import HydraException

    _check_key(key, config)
    try:
        override = OverridesParser.create().parse_override(f"{key}={sweep}")
        value = override.value()
    except HydraException as error:
        listed = re.fullmatch(r"choice\((.*\bnull\b.*)\)", sweep.strip())  # which Hydra takes in a plain list alone
        remedy = f"write {key}: {listed[1]}, without choice" if listed else GRAMMAR
        raise ConfigError(f"space.{key}={sweep}", "is not in Hydra's sweep grammar", remedy) from error
    if isinstance(value, ChoiceSweep):
        return _choice(key, value.list)
    if isinstance(value, RangeSweep):
        return _range(key, value)
    if isinstance(value, IntervalSweep):
        return _interval(key, value)
    raise ConfigError(f"space.{key}={sweep}", "is not a sweep of several values", GRAMMAR)


def _check_key(key: str, config: StudyConfig) -> None:
    known, whole = list(flatten(Configuration())), flatten(config)
    if key in known or key.removeprefix(ranks.PLACE) not in ("", key):
        return
    if key in whole or key.partition(".")[0] in OPEN:
        remedy = "run one study for each value"
        raise ConfigError(f"space.{key}", "describes the study as a whole and cannot differ between trials", remedy)
    close = difflib.get_close_matches(key, known, 1)
    remedy = f"did you mean {close[0]}?" if close else f"search a key of {', '.join(SEARCHABLE)}"
    raise ConfigError(f"space.{key}", "is not a configuration key", remedy.rstrip("?"))


def _field_type(key: str) -> str:
    if key == "method.rank" or key.startswith(ranks.PLACE):
        return "int"
    group, name = key.split(".")
    owner = getattr(Configuration(), group)
    return str(next(f.type for f in fields(owner) if f.name == name))


def check_type(key: str, value: Any) -> None:
    """Raise ConfigError where the value is not of the type that the schema gives the key."""
    if key == "method.rank" and isinstance(value, str):
        return  # a pattern, which validating reads
    wanted = _field_type(key)
    allowed: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
    optional = wanted.startswith("Optional[")
    base = wanted.removeprefix("Optional[").removesuffix("]")
    fine = (value is None and optional) or (
        isinstance(value, allowed[base]) and (base == "bool" or not isinstance(value, bool))
    )
    if not fine:
        raise ConfigError(f"space.{key}: {value}", f"is no {base}", f"search values of type {base}")


def _choice(key: str, values: Any) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution

    items = [v.text if type(v).__name__ == "QuotedString" else v for v in values]
    if key == "method.rank":
        items = [ranks.canonical(item) for item in items]
    for item in items:
        if not isinstance(item, (str, int, float, bool, type(None))):
            raise ConfigError(f"space.{key}: {item}", "is not a single value", "choose among numbers and words")
    return CategoricalDistribution(list(dict.fromkeys(items)))


def _range(key: str, sweep: Any) -> BaseDistribution:
    from optuna.distributions import IntDistribution

    values = list(sweep.range())
    if not values:
        raise ConfigError(
            f"space.{key}={sweep.start}..{sweep.stop}", "is an empty range", "the stop is left out; raise it"
        )
    if all(float(v).is_integer() for v in values) and _field_type(key) == "int":
        step = int(values[1] - values[0]) if len(values) > 1 else 1
        low, high = int(min(values)), int(max(values))
        return IntDistribution(low, high, step=abs(step))
    return _choice(key, [float(v) for v in values])


def _interval(key: str, sweep: Any) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    unknown = set(sweep.tags) - {"log"}
    low, high, log = sweep.start, sweep.end, "log" in sweep.tags
    where = f"space.{key}=interval({low},{high})"
    if unknown:
        raise ConfigError(where, f"has the unknown tag {', '.join(sorted(unknown))}", "the only tag is log")
    if low >= high:
        raise ConfigError(where, "is empty", "write the smaller end first")
    if log and low <= 0:
        raise ConfigError(where, "a logarithmic interval starts above 0", "raise its lower end")
    if _field_type(key) != "int":
        return FloatDistribution(low, high, log=log)
    if not (float(low).is_integer() and float(high).is_integer()):
        raise ConfigError(where, "a whole number cannot end in a fraction", "write whole ends")
    return IntDistribution(int(low), int(high), log=log)
