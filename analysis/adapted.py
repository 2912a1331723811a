"""What is adapted where: the linear layers that a configuration's targets, layers and ranks select."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

ENTRY = re.compile(r"(.+?):(\d+)(?:,|$)")  # of a pattern of ranks, such as attention:8,ffn:2


@dataclass(frozen=True)
class LinearLayer:
    """One linear layer of the backbone and whether the configuration adapts it.

    `block` is its index in its stack: encoder, decoder, or "" where there is one stack alone.
    """

    stack: str
    block: int
    name: str
    inputs: int
    outputs: int
    adapted: bool

    @property
    def place(self) -> str:
        """Where it is, such as ``3`` or ``decoder 3``."""
        return f"{self.stack} {self.block}".strip()


def linear_layers(linears: Any, trial: pd.Series) -> tuple[LinearLayer, ...]:
    """The backbone's linear layers under `trial`, from the bottom up; empty where the study recorded none."""
    if not linears or "stacks" not in linears:
        return ()
    first = {stack: first_adapted_layer(trial["kind"], trial["layers"], n) for stack, n in linears["stacks"].items()}
    found = [
        LinearLayer(
            m["stack"], block, m["name"], m["in"], m["out"],
            block >= first[m["stack"]] and selects(trial, m, m["path"].replace("{}", str(block), 1)),
        )
        for m in linears["modules"]
        for block in m["blocks"]
    ]  # fmt: skip
    order = list(linears["stacks"])
    return tuple(sorted(found, key=lambda x: (order.index(x.stack), x.block)))


def first_adapted_layer(kind: str, layers: Any, depth: int) -> int:
    """The lowest layer of a stack that trains; `depth` itself where none does."""
    if kind in ("head", "full"):
        return depth if kind == "head" else 0
    if layers == "top-half":
        return depth - max(1, depth // 2)
    top = re.fullmatch(r"top-(\d+)", str(layers))
    return max(0, depth - int(top[1])) if top else 0


def selects(trial: pd.Series, module: dict[str, Any], path: str) -> bool:
    """Whether the trial's targets name this linear layer and its rank there is not 0."""
    if trial["kind"] == "full":
        return True
    pattern = ENTRY.findall(str(trial["rank_pattern"])) if isinstance(trial["rank_pattern"], str) else []
    rank = next((int(rank) for key, rank in pattern if matches(key, module, path)), None)
    return matches(str(trial["targets"]), module, path) and rank != 0


def matches(target: str, module: dict[str, Any], path: str) -> bool:
    """Whether a target names the layer: a group, a module's name, either in one part of the model, or a
    regular expression.
    """
    part, _, rest = target.partition(".")
    names = [target, *([rest] if part and part == module["part"] else [])]
    if any(name in module["groups"] or path.endswith(f".{name}") for name in names):
        return True
    return re.fullmatch(target, path) is not None
