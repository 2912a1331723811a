"""What a study is: the values that its trainings and its search depend on. Two that differ cannot be one study."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from study import methods
from study.config import ranks
from study.config.options import TPE, UNPRUNED
from study.config.rules import limits
from study.config.schema import OBSERVING, StudyConfig
from study.config.values import flatten, plain
from study.search.upgrade import first_sampler

SCHEMA = 2
GROUPS = ("task", "model", "method", "train", "search")
# Groups whose keys are arguments, with their defaults.
TARGETED: dict[str, dict[str, Any]] = {"sampler": TPE, "pruner": UNPRUNED}
Values = dict[str, Any]

# The keys that studies of the first schema knew, whose mark was a hash of all their values, defaults included.
FIRST = {
    "task": "name limit test_fraction shuffle_labels metric budget longest prefix suffix path kind text label target "
    "group id test_path encoding delimiter config split test_split",
    "model": "name max_length random_weights pooling precision",
    "method": "kind rank alpha lam targets layers residual",
    "train": "epochs lr batch_size weight_decay warmup clip dropout",
    "search": "round baselines",
}
LATER = ("label_type",)  # keys of `task` that some studies of the first schema knew, where they were given
# Keys of `task` whose effect the mark of the data holds: however the same examples came about, it is one study.
IN_EXAMPLES = ("label_type", "rare", "rouge")
# Keys that change no trial, only what is measured of one or how many there are.
UNHELD = (*OBSERVING, "search.stop")
DATA, FOLDS, FILES, ORDER = "data", "folds", "files of ", "order of rank keys"


def values_of(config: StudyConfig, searched: Mapping[str, Any], facts: Mapping[str, Any]) -> Values:
    """Every value that the study depends on, by its dotted key.

    It depends on no key that its methods do not read, that is `searched` (key to what it may be) or that only observes.
    `facts` are marks of what the configuration names: folds, data, local models.
    """
    values = {f"{group}.{k}": v for group in GROUPS for k, v in flatten(getattr(config, group)).items()}
    for group in TARGETED:
        values |= {f"{group}.{k}": v for k, v in getattr(config, group).items()}
    kinds = {config.method.kind, *searched.get("method.kind", ())}
    read = {"method.kind", *(f"method.{key}" for kind in kinds for key in methods.get(kind).reads)}
    held = {*searched, *UNHELD, *(f"task.{key}" for key in IN_EXAMPLES)}
    kept = {k: v for k, v in values.items() if (not k.startswith("method.") or k in read) and k not in held}
    kept |= {f"space.{key}": sweep for key, sweep in sorted(config.space.items()) if sweep}
    kept |= {"constraints": [str(bound) for bound in limits(config.constraints)]}
    kept |= {"objectives": list(config.objectives), "study.seed": config.study.seed, **facts}
    if config.report.tolerance is not None and config.pruner.get("tolerance", 0) is None:
        kept["report.tolerance"] = config.report.tolerance  # by which trials are stopped
    by_key = [key for key in config.space if key.startswith(ranks.PLACE)]
    return kept | ({ORDER: by_key} if by_key else {})  # of which the first that matches counts


def defaults_of(config: StudyConfig) -> Values:
    """The default of every key of the configuration's own schema."""
    groups = {group: type(getattr(config, group)) for group in GROUPS}
    values = {f"{group}.{k}": v for group, kind in groups.items() for k, v in flatten(kind()).items()}
    values["constraints"] = []
    return values | {f"{group}.{k}": v for group, default in TARGETED.items() for k, v in default.items()}


def fingerprint(values: Values, defaults: Values) -> str:
    """A mark of the values that differ from their defaults: a key that is added with a default changes none."""
    kept = {k: v for k, v in values.items() if k not in defaults or v != defaults[k]}
    return hashlib.sha256(json.dumps([SCHEMA, kept], sort_keys=True).encode()).hexdigest()[:16]


def differences(stored: Values, present: Values, defaults: Values) -> dict[str, tuple[Any, Any]]:
    """The keys whose values differ, each with the stored and the present one; what one lacks is at its default."""
    both = {k: (stored.get(k, defaults.get(k)), present.get(k, defaults.get(k))) for k in {**stored, **present}}
    return {key: pair for key, pair in sorted(both.items()) if pair[0] != pair[1]}


def first_fingerprint(config: StudyConfig, facts: Mapping[str, Any], weights: Mapping[str, str]) -> str | None:
    """The mark that a study of the first schema has of this configuration; None where it could not have it."""
    defaults, groups = defaults_of(config), plain(config)
    sampler = first_sampler(config.sampler)
    if sampler is None or config.pruner != UNPRUNED or config.constraints:
        return None
    kept: dict[str, Any] = {"space": groups["space"], "objectives": groups["objectives"], "sampler": sampler}
    for group, names in FIRST.items():
        known = names.split()
        keys = {k: f"{group}.{k}" for k in groups[group] if k not in known and f"{group}.{k}" not in UNHELD}
        given = [k for k, key in keys.items() if groups[group][k] != defaults[key]]
        if not set(given) <= {*LATER, *IN_EXAMPLES}:
            return None
        kept[group] = {k: groups[group][k] for k in (*known, *(k for k in given if k in LATER))}
    kept |= {"folds": facts[FOLDS], "seed": config.study.seed, "data": facts[DATA]}
    by_key = [key for key in config.space if key.startswith(ranks.PLACE)]
    kept |= {"rank keys": by_key} if by_key else {}
    kept |= {"weights": dict(weights)} if weights else {}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
