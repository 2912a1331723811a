"""What is adapted where: the backbone's linear layers, as the study recorded them, under one trial's adaptation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analysis.study_info import json_or_none
from study.core.records import Adaptation
from study.core.site_ranks import BLOCK


@dataclass(frozen=True)
class LinearLayer:
    """One linear layer of the backbone and whether the configuration adapts it.

    `block` is its index in its stack: encoder, decoder, or "" where there is one stack alone.
    """

    stack: str
    block: int
    name: str
    adapted: bool

    @property
    def place(self) -> str:
        """Where it is, such as ``3`` or ``decoder 3``."""
        return f"{self.stack} {self.block}".strip()


def recorded_layers(linears: str | None, adaptation: Any) -> tuple[LinearLayer, ...]:
    """The layers from the records of the study and of the trial as MLflow holds them; empty where one is missing."""
    layers = json_or_none(linears)
    if not layers or "stacks" not in layers or json_or_none(adaptation) is None:
        return ()
    return linear_layers(layers, Adaptation.from_json(adaptation))


def linear_layers(linears: dict[str, Any], adaptation: Adaptation) -> tuple[LinearLayer, ...]:
    """The layers of `linears`, as study.models.targets.describe writes them, from the bottom up.

    Empty where the adaptation is of another model: it adapts layers that are not among them.
    """
    paths = {
        module["path"].replace(BLOCK, str(block), 1): (module["stack"], block, module["name"])
        for module in linears["modules"]
        for block in module["blocks"]
    }
    if not adaptation.ranks.keys() <= paths.keys():
        return ()
    order = list(linears["stacks"])
    layers = [LinearLayer(*site, adaptation.whole or path in adaptation.ranks) for path, site in paths.items()]
    return tuple(sorted(layers, key=lambda layer: (order.index(layer.stack), layer.block)))
