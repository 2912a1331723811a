"""What is adapted where: the linear layers that a configuration's targets and layers select."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

# The roles of a linear layer that a group of targets names: query, key, value, output, feed-forward.
GROUPS = {"qv": "qv", "attention": "qkvo", "ffn": "f", "all-linear": "qkvof"}


@dataclass(frozen=True)
class LinearLayer:
    """One linear layer of the backbone and whether the configuration adapts it."""

    layer: int
    name: str
    inputs: int
    outputs: int
    adapted: bool


def linear_layers(linears: Any, trial: pd.Series) -> tuple[LinearLayer, ...]:
    """The backbone's linear layers under `trial`; empty where the study recorded none."""
    if not linears:
        return ()
    first = first_adapted_layer(trial["kind"], trial["layers"], linears["layers"])
    return tuple(
        LinearLayer(m["layer"], m["name"], m["in"], m["out"], m["layer"] >= first and selects(trial, m))
        for m in linears["modules"]
    )


def first_adapted_layer(kind: str, layers: Any, depth: int) -> int:
    """The lowest layer that trains; `depth` itself where none does."""
    if kind in ("head", "full"):
        return depth if kind == "head" else 0
    if layers == "top-half":
        return depth - max(1, depth // 2)
    top = re.fullmatch(r"top-(\d+)", str(layers))
    return max(0, depth - int(top[1])) if top else 0


def selects(trial: pd.Series, module: dict[str, Any]) -> bool:
    """Whether the trial's targets name this linear layer: a group, a module's name or a regular expression."""
    targets, path = str(trial["targets"]), module["path"]
    if trial["kind"] == "full":
        return True
    if targets in GROUPS:
        return module["role"] in GROUPS[targets]
    return path.endswith(f".{targets}") or re.fullmatch(targets, path) is not None
