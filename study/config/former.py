"""Launchers and trackers as earlier versions wrote them, by a name, in the words of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from study.config.options import IN_MLFLOW, LOCAL, UNTRACKED

NAMED: dict[str, dict[str, dict[str, Any]]] = {
    "launcher": {"local": LOCAL},
    "tracking": {"mlflow": IN_MLFLOW, "off": UNTRACKED},
}
KEYS = {f"{group}.name": group for group in NAMED}  # keys that chose an option of their group


def renew(group: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The group's arguments beside its `_target_`, where it had a `name` instead; else as it was given."""
    known = NAMED[group]
    ours = {option["_target_"] for option in known.values()}
    if given.get("name") not in known or given.get("_target_", next(iter(ours))) not in ours:
        return dict(given)  # a name may be an argument of somebody's own class
    option = known[given["name"]]
    return {key: given.get(key, value) if key != "_target_" else value for key, value in option.items()}
