"""What the report draws as adapted is what the suite adapts."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from tiny import encoder, pair

from analysis.adapted import linear_layers
from study.config.schema import MethodConfig
from study.core.errors import ConfigError
from study.models import encoders
from study.models.targets import described, select_ranks

TARGETS = ("qv", "attention", "ffn", "all-linear", "query", "output.dense", r".*\.1\..*key", "decoder.qv", "cross.k")
RANKS = (1, "attention:1,all-linear:0", "decoder.qv:0,all-linear:1")


@pytest.mark.parametrize("kind", ["bert", "distilbert", "t5 whole"])
@pytest.mark.parametrize("layers", ["all", "top-half", "top-1"])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_drawn_layers_are_the_adapted_ones(kind: str, layers: str, targets: str) -> None:
    sites = encoders.linear_sites(pair("t5")) if kind == "t5 whole" else encoder(kind).sites
    recorded = json.loads(json.dumps(described(sites)))
    for rank in RANKS:
        method = MethodConfig(targets=targets, layers=layers, rank=rank)
        try:
            wanted = [(s.stack, s.layer, s.within) for s in select_ranks(method, sites)]
        except ConfigError:
            continue  # no trial can have a target that this family lacks
        told = {"kind": "lora", "layers": layers, "targets": targets, "rank_pattern": rank if rank != 1 else None}
        drawn = linear_layers(recorded, pd.Series(told))
        assert sorted((x.stack, x.block, x.name) for x in drawn if x.adapted) == sorted(wanted)
        assert len(drawn) == len(sites)


def test_full_adapts_every_layer_and_the_head_none() -> None:
    recorded = json.loads(json.dumps(described(encoder().sites)))
    told = {"layers": None, "targets": None, "rank_pattern": None}
    for kind, adapted in {"full": 18, "head": 0}.items():
        assert sum(x.adapted for x in linear_layers(recorded, pd.Series({"kind": kind, **told}))) == adapted


def test_the_record_of_a_large_model_is_short_enough_for_a_tag_of_mlflow() -> None:
    import torch
    from transformers import BertConfig, BertModel, T5Config, T5ForConditionalGeneration

    with torch.device("meta"):
        large = BertModel(BertConfig(num_hidden_layers=24))
        both = T5ForConditionalGeneration(T5Config(num_layers=24, feed_forward_proj="gated-gelu"))
    for model in (large, both):
        assert len(json.dumps(described(encoders.linear_sites(model)))) < 8000


def test_places_are_in_the_order_in_which_hidden_states_pass_them() -> None:
    sites = encoders.linear_sites(pair("t5"))
    told = {"kind": "lora", "layers": "all", "targets": "qv", "rank_pattern": None}
    drawn = linear_layers(json.loads(json.dumps(described(sites))), pd.Series(told))
    assert list(dict.fromkeys(x.place for x in drawn)) == [
        "encoder 0", "encoder 1", "encoder 2", "decoder 0", "decoder 1",
    ]  # fmt: skip
