"""What the report draws as adapted is what the suite adapts."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from tiny import encoder

from analysis.adapted import linear_layers
from study.config import MethodConfig
from study.errors import ConfigError
from study.models import select_sites

TARGETS = ("qv", "attention", "ffn", "all-linear", "query", "output.dense", r".*\.1\..*key")


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
@pytest.mark.parametrize("layers", ["all", "top-half", "top-1"])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_drawn_layers_are_the_adapted_ones(kind: str, layers: str, targets: str) -> None:
    sites = encoder(kind).sites
    method = MethodConfig(targets=targets, layers=layers, rank=1)
    try:
        wanted = {s.name for s in select_sites(method, sites)}
    except ConfigError:
        pytest.skip("no trial can have a target that this family lacks")
    modules = [
        {"layer": s.layer, "name": s.within, "path": s.name, "role": s.role, "in": s.inputs, "out": s.outputs}
        for s in sites
    ]
    recorded = json.loads(json.dumps({"layers": 1 + max(s.layer for s in sites), "modules": modules}))
    drawn = linear_layers(recorded, pd.Series({"kind": "lora", "layers": layers, "targets": targets}))
    assert {f"encoder.layer.{x.layer}.{x.name}".split("layer.", 1)[1] for x in drawn if x.adapted} == {
        n.split("layer.", 1)[1] for n in wanted
    }
