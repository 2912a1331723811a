"""What a run's parameters are: a study's are whole, a trial's are what it was searched for and what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from study import methods
from study.config.ranks import PLACE
from study.config.schema import Configuration, StudyConfig
from study.config.space import parse_space
from study.config.values import flatten
from study.core.secrets import mask_all

RANK, METHOD, KIND = "method.rank", "method.", "method.kind"
SPREAD = ("launcher", "tracking", "pruner")  # groups whose arguments are keys of their own


def study_parameters(config: StudyConfig) -> dict[str, str]:
    """Every parameter of the resolved configuration, without what its task and its methods are not told, and without
    passwords."""
    values = mask_all(flatten(config))
    values = {k: v for k, v in values.items() if v is not None or not k.startswith("task.")}
    for group in SPREAD:
        values |= {f"{group}.{key}": value for key, value in values.pop(group).items()}
    values |= {"space": json.dumps(config.space), "objectives": json.dumps(config.objectives)}
    kinds = {config.method.kind, *map(str, _choices(config))}
    return {key: str(value) for key, value in values.items() if any(_applies(key, kind) for kind in kinds)}


def trial_parameters(
    configuration: Configuration, searched: frozenset[str], of_study: Mapping[str, str]
) -> dict[str, str]:
    """The keys that apply to the trial's method and are `searched`, or have another value than the study's."""
    values = {key: str(value) for key, value in flatten(configuration).items()}
    return {
        key: value
        for key, value in values.items()
        if _applies(key, configuration.method.kind) and (key in searched or of_study.get(key) != value)
    }


def searched_keys(config: StudyConfig) -> frozenset[str]:
    """The keys of a trial's parameters that the study searches, and the method where baselines have others; ranks by
    target are one key, the pattern."""
    keys = [key for key, sweep in config.space.items() if sweep is not None] + [KIND] * bool(config.search.baselines)
    return frozenset(RANK if key.startswith(PLACE) else key for key in keys)


def _choices(config: StudyConfig) -> tuple[Any, ...]:
    """The methods that are searched; none where they are not."""
    if config.space.get(KIND) is None:
        return ()
    return tuple(parse_space(config).extremes().get(KIND, ()))


def _applies(key: str, kind: str) -> bool:
    """Whether a method of that kind reads the key, which may be another group's."""
    name = key.removeprefix(METHOD)
    return not key.startswith(METHOD) or name == "kind" or name in methods.get(kind).reads
