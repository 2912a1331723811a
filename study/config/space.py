"""What is searched: configuration keys with Hydra's own sweeps, as Optuna distributions."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from study.config import ranks
from study.config.rules import validate_configuration
from study.config.schema import OPEN, PRECISIONS, SEARCHABLE, Configuration, StudyConfig, flatten
from study.core.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

GRAMMAR = "write choice(a,b), range(start,stop,step), interval(low,high) or tag(log, interval(low,high))"


@dataclass(frozen=True)
class Space:
    """Dotted configuration keys to Optuna distributions, in the order in which they are suggested."""

    distributions: dict[str, BaseDistribution]

    def ask(self, trial: Trial) -> dict[str, Any]:
        """One value for each key, suggested by the trial."""
        return {key: _suggest(trial, key, d) for key, d in self.distributions.items()}

    def grid(self) -> dict[str, list[Any]]:
        """Every value of every key; ConfigError for a key that has infinitely many."""
        return {key: _values(key, d) for key, d in self.distributions.items()}

    def around(self, key: str = "", value: Any = None) -> dict[str, Any]:
        """What a check of one value has to set beside it: the largest rank of every key of a pattern."""
        own = {k: max(_extremes(d)) for k, d in self.distributions.items() if k.startswith(ranks.PLACE)}
        return {**own, key: value} if key else own

    def singly(self) -> list[dict[str, Any]]:
        """Every value that stands for all of a key, alone; and none, for what is fixed."""
        return [{}, *({key: value} for key, values in self.extremes().items() for value in values)]

    def extremes(self) -> dict[str, list[Any]]:
        """Values that stand for all of a key when a choice is checked: every choice, or both ends."""
        return {key: _extremes(d) for key, d in self.distributions.items()}


def parse_space(config: StudyConfig) -> Space:
    """The study's space; ConfigError for what is no searchable key, no sweep or an impossible value."""
    space = Space({key: _distribution(key, sweep, config) for key, sweep in config.space.items() if sweep})
    by_key = [key for key in space.distributions if key.startswith(ranks.PLACE)]
    if by_key and "method.rank" in space.distributions:
        raise ConfigError(f"space.{by_key[0]}", "is searched beside method.rank as a whole", "search one of the two")
    for key, values in space.extremes().items():
        for value in values:
            _check_type(key, value)
    # Whichever precision a machine chooses where it is to choose, the others must be possible beside it.
    base = config.configuration.with_values({"model.precision": PRECISIONS[0]} if config.undecided else {})
    for key, values in space.extremes().items():
        for value in values:
            validate_configuration(base.with_values(space.around(key, value)))
    return space


def _distribution(key: str, sweep: str, config: StudyConfig) -> BaseDistribution:
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


def _check_type(key: str, value: Any) -> None:
    """Hold a value against the schema, as composing it would."""
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


def _suggest(trial: Trial, key: str, d: Any) -> Any:
    kind = type(d).__name__
    if kind == "CategoricalDistribution":
        return trial.suggest_categorical(key, d.choices)
    if kind == "IntDistribution":
        return trial.suggest_int(key, d.low, d.high, step=d.step, log=d.log)
    return trial.suggest_float(key, d.low, d.high, log=d.log)


def _values(key: str, d: Any) -> list[Any]:
    kind = type(d).__name__
    if kind == "CategoricalDistribution":
        return list(d.choices)
    if kind == "IntDistribution":
        return list(range(d.low, d.high + 1, d.step))
    remedy = f"write space.{key} as choice(...) or range(...), or take another sampler"
    raise ConfigError(f"sampler=grid with {key}", "an interval of real numbers has no grid", remedy)


def _extremes(d: Any) -> list[Any]:
    return list(d.choices) if type(d).__name__ == "CategoricalDistribution" else [d.low, d.high]
