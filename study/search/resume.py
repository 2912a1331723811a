"""What must not change between the start of a study and its resumption, and what has changed where it did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from study import ranks
from study.config import StudyConfig, plain

KEPT = ("task", "model", "method", "train", "space", "objectives", "search", "sampler")
# Keys of `task` that studies of the first version do not have: where they are not given, nothing of a study is another.
ADDED = ("label_type",)
# Keys of `task` whose effect the examples' own fingerprint holds: however the same ones came about, it is one study.
IN_EXAMPLES = ("rare", "rouge")
ANEW = "choose another study.name to start anew"
FORMER = f"bring the former files back, or {ANEW}"
MOST = 40  # characters of a value that are quoted

Identity = Mapping[str, Any]


def settings(config: StudyConfig) -> dict[str, Any]:
    """The part of a study's identity that its configuration tells."""
    keys = plain(config)
    kept: dict[str, Any] = {key: keys[key] for key in KEPT}
    task = {k: v for k, v in kept["task"].items() if k not in IN_EXAMPLES}
    kept["task"] = {k: v for k, v in task.items() if v is not None or k not in ADDED}
    kept["seed"] = config.study.seed
    by_key = [key for key in config.space if key.startswith(ranks.PLACE)]
    return kept | ({"rank keys": by_key} if by_key else {})  # of which the first that matches counts


def difference(before: Identity, now: Identity) -> tuple[str, str]:
    """What is another between two identities of one study, as the rule of an error, and its remedy.

    Of what follows from another, such as folds from data, the cause alone is named. Parts that `before` does not tell
    are not compared.
    """
    before, now = (json.loads(json.dumps(identity)) for identity in (before, now))  # a stored list was a tuple
    keys, files = _keys(before, now), _files(before, now)
    if keys or files:
        remedy = FORMER if files and not keys else "repeat the first command to go on with it, or " + ANEW
        return f"was run with {' and '.join([*keys, *files])}", remedy
    if before.get("data", now["data"]) != now["data"]:
        source = now["task"]["path"] or f"task={now['task']['name']}"
        return f"was run on other data: the examples of {source} have changed since", FORMER
    if before.get("folds", now["folds"]) != now["folds"]:
        return "was run with other folds (study.folds)", "repeat the first command to go on with it, or " + ANEW
    return "was run on other data, or on other files of its model", FORMER


def _keys(before: Identity, now: Identity) -> list[str]:
    """The keys of the configuration whose values differ, with the former one."""
    old, new = _flat(before), _flat(now)
    differing = [key for key in old | new if old.get(key) != new.get(key)]
    if not differing and before.get("rank keys") != now.get("rank keys"):
        return ["the keys of method.rank in another order"]
    return [f"another {key} ({_short(old.get(key))} before, {_short(new.get(key))} now)" for key in differing]


def _flat(identity: Identity) -> dict[str, Any]:
    """The configuration's own keys and values."""
    flat = {"study.seed": identity.get("seed")}
    for name in KEPT:
        part = identity[name]
        flat |= {f"{name}.{key}": value for key, value in part.items()} if isinstance(part, dict) else {name: part}
    return flat


def _files(before: Identity, now: Identity) -> list[str]:
    """The models' folders that hold other files."""
    old, new = before.get("weights", {}), now.get("weights", {})
    changed = [name for name in new if name in old and old[name] != new[name]]
    return [f"other model files in {name}, which have changed since" for name in changed]


def _short(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}..."
