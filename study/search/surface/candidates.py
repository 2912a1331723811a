"""Assignments that fill a space evenly, and such as lie around others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.core import seeding
from study.core.errors import ConfigError

if TYPE_CHECKING:
    from study.config.space import Space

WHOLE = 1024  # assignments of a space that are all looked at
SPREAD = 512  # of a larger one, so many that fill it
NEAR = 0.12  # of a key's range: how far a neighbour lies, as a standard deviation

Assigned = dict[str, Any]


def fill(space: Space, count: int, seed: int) -> list[Assigned]:
    """So many assignments, each next one far from those before it (a scrambled Sobol sequence)."""
    from scipy.stats import qmc

    sobol = qmc.Sobol(max(1, len(space.distributions)), rng=seeding.derive(seed, "fill"))
    points = sobol.random_base2(math.ceil(math.log2(max(count, 1))))[:count]
    return [_at(space, point) for point in points]


def candidates(space: Space, seed: int) -> list[Assigned]:
    """Every assignment of a small space, of others so many that fill it."""
    try:
        size = space.size()
    except ConfigError:
        return fill(space, SPREAD, seed)
    return [*space.assignments()] if size <= WHOLE else fill(space, SPREAD, seed)


def neighbours(space: Space, around: Sequence[Assigned], count: int, seed: int) -> list[Assigned]:
    """So many assignments that differ from one of `around` in one key or two, numbers by a little."""
    rng = np.random.default_rng(seeding.derive(seed, "neighbours", len(around)))
    return [_move(space, around[i % len(around)], rng) for i in range(count)] if around else []


def _move(space: Space, assigned: Assigned, rng: np.random.Generator) -> Assigned:
    keys = [*assigned]
    moved = rng.choice(len(keys), size=min(len(keys), int(rng.integers(1, 3))), replace=False)
    units = {keys[i]: _near(space.distributions[keys[i]], assigned[keys[i]], rng) for i in moved}
    drawn = {key: value_at(d, float(rng.random())) for key, d in space.distributions.items()}
    changed = {**drawn, **assigned, **{key: value_at(space.distributions[key], unit) for key, unit in units.items()}}
    return space.read(changed)


def _near(distribution: Any, value: Any, rng: np.random.Generator) -> float:
    """A place in the unit interval: near a number, anywhere for a choice."""
    if type(distribution).__name__ == "CategoricalDistribution":
        return float(rng.random())
    low, high, at = (math.log(v) if distribution.log else v for v in (distribution.low, distribution.high, value))
    return float(np.clip((at - low) / max(high - low, 1e-12) + rng.normal(0, NEAR), 0, 1 - 1e-9))


def _at(space: Space, point: Sequence[float]) -> Assigned:
    values = {key: value_at(d, float(u)) for (key, d), u in zip(space.distributions.items(), point, strict=False)}
    return space.read(values)


def value_at(distribution: Any, unit: float) -> Any:
    """The value of a distribution at a place in the unit interval, of which choices have equal parts."""
    if type(distribution).__name__ == "CategoricalDistribution":
        return distribution.choices[min(int(unit * len(distribution.choices)), len(distribution.choices) - 1)]
    low, high = distribution.low, distribution.high
    whole = type(distribution).__name__ == "IntDistribution"
    if distribution.log:
        value = math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
    else:
        value = low + unit * (high - low + (distribution.step if whole else 0))
    if not whole:
        return min(max(value, low), high)
    steps = round(value - low) if distribution.log else math.floor((value - low) / distribution.step)
    return int(min(low + steps * distribution.step, high))
