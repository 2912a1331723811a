"""What is searched: configuration keys with their distributions, and what each can be asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

from study.config import ranks
from study.config.rules import validate_configuration
from study.config.schema import PRECISIONS, StudyConfig
from study.config.sweeps import check_type, distribution
from study.core.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial


KIND = "method.kind"  # the key on which others depend: each method reads some of them


@dataclass(frozen=True)
class Space:
    """Dotted configuration keys to Optuna distributions, in the order in which they are suggested.

    A key of `readers` is asked for only beside a kind of method that is among its readers, any other one always; where
    there are such keys, the kind is asked for first. An assignment gives a value to each key that is asked for.
    """

    distributions: dict[str, BaseDistribution]
    readers: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def ask(self, trial: Trial) -> dict[str, Any]:
        """An assignment, suggested by the trial."""
        values: dict[str, Any] = {}
        for key in self._order:
            if self.is_read(key, values):
                values[key] = _suggest(trial, key, self.distributions[key])
        return values

    def is_read(self, key: str, values: Mapping[str, Any]) -> bool:
        """Whether the key is asked for beside these values, which hold the kind where that is searched."""
        return key not in self.readers or values.get(KIND) in self.readers[key]

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the keys that are asked for beside them."""
        return {key: value for key, value in values.items() if self.is_read(key, values)}

    @property
    def common(self) -> dict[str, BaseDistribution]:
        """The keys that every trial is asked for."""
        return {key: d for key, d in self.distributions.items() if key not in self.readers}

    def branches(self) -> dict[str, Space]:
        """The space beside each kind of method; none where no key depends on the kind, or the kind is not searched."""
        if not self.readers or KIND not in self.distributions:
            return {}
        return {kind: self._beside(kind) for kind in _extremes(self.distributions[KIND])}

    def grid(self) -> dict[str, list[Any]]:
        """Every value of every key that may be asked for; ConfigError for a key that has infinitely many."""
        return {
            key: _values(key, self.distributions[key])
            for key in self._order
            if key not in self.readers or self.readers[key]
        }

    def assignments(self) -> Iterator[dict[str, Any]]:
        """Every assignment once; ConfigError for a key that has infinitely many values."""
        for part in self.branches().values() or [self]:
            grid = part.grid()
            yield from (dict(zip(grid, values, strict=True)) for values in product(*grid.values()))

    def size(self) -> int:
        """How many assignments there are; ConfigError for a key that has infinitely many values."""
        return sum(math.prod(map(len, part.grid().values())) for part in self.branches().values() or [self])

    def _beside(self, kind: str) -> Space:
        from optuna.distributions import CategoricalDistribution

        read = {key: self.distributions[key] for key in self._order if self.is_read(key, {KIND: kind})}
        return Space({**read, KIND: CategoricalDistribution([kind])})

    @property
    def _order(self) -> list[str]:
        return sorted(self.distributions, key=lambda key: bool(self.readers) and key != KIND)

    def around(self, key: str = "", value: Any = None) -> dict[str, Any]:
        """The assignments to check one value of a key by: it, and the largest rank of every key of a pattern.

        Without a key these ranks alone.
        """
        largest = {k: max(_extremes(d)) for k, d in self.distributions.items() if k.startswith(ranks.PLACE)}
        return {**largest, key: value} if key else largest

    def singly(self) -> list[dict[str, Any]]:
        """The assignments to check one by one: none, for what is fixed, then each extreme value of each key alone."""
        return [{}, *({key: value} for key, values in self.extremes().items() for value in values)]

    def extremes(self) -> dict[str, list[Any]]:
        """For each key, the values that stand for all of its values in a check: every choice, or both ends."""
        return {key: _extremes(d) for key, d in self.distributions.items()}


def parse_space(config: StudyConfig) -> Space:
    """The study's space; ConfigError for what is no searchable key, no sweep or an impossible value."""
    space = Space({key: distribution(key, sweep, config) for key, sweep in config.space.items() if sweep})
    by_key = [key for key in space.distributions if key.startswith(ranks.PLACE)]
    if by_key and "method.rank" in space.distributions:
        raise ConfigError(f"space.{by_key[0]}", "is searched beside method.rank as a whole", "search one of the two")
    for key, values in space.extremes().items():
        for value in values:
            check_type(key, value)
    # Whichever precision a machine chooses where it is to choose, the others must be possible beside it.
    base = config.configuration.with_values({"model.precision": PRECISIONS[0]} if config.undecided else {})
    for key, values in space.extremes().items():
        for value in values:
            validate_configuration(base.with_values(space.around(key, value)))
    return space


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
