"""A sweep such as ``4,8``, ``range(1,9)`` or ``interval(0.1,100)``, in Hydra's grammar, to Optuna's distribution."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from study.config import ranks
from study.config.options import OPEN
from study.config.schema import OBSERVING, SEARCHABLE, TRUSTING, Configuration, StudyConfig
from study.config.values import flatten
from study.core.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

GRAMMAR = "write choice(a,b), range(start,stop,step), interval(low,high) or tag(log, interval(low,high))"
LARGEST = 1e300  # which no number of a sweep reaches, so that differences are finite
MOST_VALUES = 10_000  # of a choice, which each sampler weighs one by one


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
    if key in OBSERVING:
        raise ConfigError(f"space.{key}", "changes nothing that is learned", f"write {key}=true for every trial")
    known, whole = [k for k in flatten(Configuration()) if k != TRUSTING], flatten(config)
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

    where, step = f"space.{key}={sweep.start}..{sweep.stop}", sweep.step
    if not all(abs(number) < LARGEST for number in (sweep.start, sweep.stop, step)) or not step:
        raise ConfigError(where, "is no range of numbers in steps that lead from one to the next", GRAMMAR)
    count = max(0, math.ceil((sweep.stop - sweep.start) / step))
    if not count:
        raise ConfigError(where, "is an empty range", "the stop is left out; raise it")
    whole = float(sweep.start).is_integer() and float(step).is_integer()
    if whole and _field_type(key) == "int":
        first, stride = int(sweep.start), int(step)
        last = first + (count - 1) * stride
        return IntDistribution(min(first, last), max(first, last), step=abs(stride) if count > 1 else 1)
    if count > MOST_VALUES:
        raise ConfigError(where, f"has {count:,} values, and a choice at most {MOST_VALUES:,}", GRAMMAR)
    return _choice(key, [float(v) for v in sweep.range()])


def _interval(key: str, sweep: Any) -> BaseDistribution:
    from optuna.distributions import FloatDistribution, IntDistribution

    unknown = set(sweep.tags) - {"log"}
    low, high, log = sweep.start, sweep.end, "log" in sweep.tags
    where = f"space.{key}=interval({low},{high})"
    if unknown:
        raise ConfigError(where, f"has the unknown tag {', '.join(sorted(unknown))}", "the only tag is log")
    if not (abs(low) < LARGEST and abs(high) < LARGEST):
        raise ConfigError(where, "does not end in finite numbers", "write numbers that are")
    if low >= high:
        raise ConfigError(where, "is empty", "write the smaller end first")
    if log and low <= 0:
        raise ConfigError(where, "a logarithmic interval starts above 0", "raise its lower end")
    if _field_type(key) != "int":
        return FloatDistribution(low, high, log=log)
    if not (float(low).is_integer() and float(high).is_integer()):
        raise ConfigError(where, "a whole number cannot end in a fraction", "write whole ends")
    return IntDistribution(int(low), int(high), log=log)
