"""What the report draws as adapted is what the suite adapts."""

from __future__ import annotations

import json

import pytest
from tiny import encoder, pair

from analysis.layers import LinearLayer, linear_layers, recorded_layers
from study import methods
from study.config.schema import MethodConfig
from study.core.errors import ConfigError
from study.core.records import Adaptation
from study.models import encoders
from study.models.backbones import Geometry
from study.models.targets import LinearSite, describe, select_ranks

TARGETS = ("qv", "attention", "ffn", "all-linear", "query", "output.dense", r".*\.1\..*key", "decoder.qv", "cross.k")
RANKS = (1, "attention:1,all-linear:0", "decoder.qv:0,all-linear:1")


def adapt(method: MethodConfig, sites: tuple[LinearSite, ...]) -> Adaptation:
    return methods.get(method.kind).adapt(method, Geometry(sites, 3, 1000))


def drawn_layers(method: MethodConfig, sites: tuple[LinearSite, ...]) -> tuple[LinearLayer, ...]:
    """The layers as a report draws them from what a study and its trial recorded."""
    return recorded_layers(json.dumps(describe(sites)), adapt(method, sites).to_json())


@pytest.mark.parametrize("kind", ["bert", "distilbert", "t5 whole"])
@pytest.mark.parametrize("layers", ["all", "top-half", "top-1"])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_drawn_layers_are_the_adapted_ones(kind: str, layers: str, targets: str) -> None:
    sites = encoders.linear_sites(pair("t5")) if kind == "t5 whole" else encoder(kind).sites
    for rank in RANKS:
        method = MethodConfig(targets=targets, layers=layers, rank=rank)
        try:
            wanted = [(s.stack, s.layer, s.within) for s in select_ranks(method, sites)]
        except ConfigError:
            continue  # no trial can have a target that this family lacks
        drawn = drawn_layers(method, sites)
        assert sorted((x.stack, x.block, x.name) for x in drawn if x.adapted) == sorted(wanted)
        assert len(drawn) == len(sites)


@pytest.mark.parametrize(("kind", "adapted"), [("full", 18), ("head", 0)])
def test_full_adapts_every_layer_and_the_head_none(kind: str, adapted: int) -> None:
    assert sum(x.adapted for x in drawn_layers(MethodConfig(kind=kind), encoder().sites)) == adapted


def test_the_record_of_a_large_model_is_short_enough_for_a_tag_of_mlflow() -> None:
    import torch
    from transformers import BertConfig, BertModel, T5Config, T5ForConditionalGeneration

    with torch.device("meta"):
        large = BertModel(BertConfig(num_hidden_layers=24))
        both = T5ForConditionalGeneration(T5Config(num_layers=24, feed_forward_proj="gated-gelu"))
    for model in (large, both):
        sites = encoders.linear_sites(model)
        assert len(json.dumps(describe(sites))) < 8000
        assert len(adapt(MethodConfig(targets="all-linear"), sites).to_json()) < 8000


def test_places_are_in_the_order_in_which_hidden_states_pass_them() -> None:
    drawn = drawn_layers(MethodConfig(targets="qv"), encoders.linear_sites(pair("t5")))
    assert list(dict.fromkeys(x.place for x in drawn)) == [
        "encoder 0", "encoder 1", "encoder 2", "decoder 0", "decoder 1",
    ]  # fmt: skip


def test_the_layers_of_another_model_are_not_drawn_as_this_ones() -> None:
    linears = json.loads(json.dumps(describe(encoder("bert").sites)))
    assert linear_layers(linears, adapt(MethodConfig(targets="qv"), encoder("distilbert").sites)) == ()


@pytest.mark.parametrize("adaptation", [None, float("nan"), '{"ranks":{"encoder.lay'])
def test_what_was_not_recorded_or_cut_short_is_not_drawn(adaptation: object) -> None:
    assert recorded_layers(json.dumps(describe(encoder().sites)), adaptation) == ()
