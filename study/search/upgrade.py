"""Configurations that earlier versions stored, in the words of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from study.config.former import NAMED, renew
from study.config.options import TPE

STARTUP = 10  # trials at random, or the size of a population, where the first version was not told otherwise
FIRST_SAMPLERS: dict[str, dict[str, Any]] = {
    "tpe": TPE,
    "random": {"_target_": "optuna.samplers.RandomSampler"},
    "grid": {"_target_": "study.search.samplers.grid"},
    "nsga2": {"_target_": "optuna.samplers.NSGAIISampler", "population_size": STARTUP},
    "gp": {"_target_": "optuna.samplers.GPSampler", "n_startup_trials": STARTUP},
}
COUNTS = ("n_startup_trials", "population_size")


def upgrade(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration in the present schema: samplers, launchers and trackers had names once."""
    groups = {group: renew(group, raw[group]) for group in NAMED if group in raw}
    return {**raw, **groups, **({"sampler": _sampler(raw["sampler"])} if "sampler" in raw else {})}


def _sampler(given: Mapping[str, Any]) -> dict[str, Any]:
    """A sampler by its target; the first version gave it a name and `startup`."""
    if "name" not in given:
        return dict(given)
    present = FIRST_SAMPLERS[given["name"]]
    counts = {key: max(2, given["startup"]) if key == "population_size" else given["startup"] for key in COUNTS}
    return {key: counts.get(key, value) for key, value in present.items()}


def first_sampler(sampler: Mapping[str, Any]) -> dict[str, Any] | None:
    """How the first version named this sampler; None where it could not."""
    for name, known in FIRST_SAMPLERS.items():
        counts = {key: sampler[key] for key in COUNTS if key in known and key in sampler}
        if {**known, **counts} == dict(sampler):
            return {"name": name, "startup": next(iter(counts.values()), STARTUP)}
    return None
