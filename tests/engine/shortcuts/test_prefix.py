"""Training on kept hidden states is training on the whole model, for every family of models."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import FAMILIES, backbone, configuration, frozen, member_of, tensors, workbench

from study.config.schema import ModelConfig
from study.engine.fit import Fit
from study.engine.shortcuts import equivalence, firsttoken, prefix
from study.models import encoders

# Blocks below which each family can be cut, of three: ALBERT has one block, thrice used, and T5's first
# holds the positions of all, so that cutting below the second would save nothing.
CUTS = dict.fromkeys(FAMILIES, (1, 2)) | {"albert": (), "t5": (2,)}
READY_MASK = ("bert", "roberta", "distilbert", "albert", "electra", "bart", "t5")
FIRST_TOKEN = ("bert", "roberta", "distilbert", "mpnet", "electra", "deberta-v2", "bart")


@pytest.mark.parametrize("kind", FAMILIES)
def test_each_family_is_cut_where_that_is_exact_and_nowhere_else(kind: str) -> None:
    model = backbone(kind).double().eval()
    count = len(encoders.blocks(model)[1])
    assert tuple(b for b in range(1, count) if prefix.find_cut(model, b) is not None) == CUTS[kind]
    assert (firsttoken.find(model) is not None) == (kind in FIRST_TOKEN)
    assert equivalence.takes_mask(model) == (kind in READY_MASK)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("kind", FAMILIES)
def test_cached_and_uncached_training_give_the_same_member(kind: str, pooling: str) -> None:
    method = {"kind": "factorized", "lam": 5.0} if pooling == "cls" else {"kind": "lora"}
    told = replace(configuration(layers="top-1", targets="all-linear", **method), model=ModelConfig(pooling=pooling))
    benches = [workbench(kind, pooling=pooling) for _ in range(2)]
    fits = [
        Fit([member_of(0, 0, told, 3, bench)], bench, cached)
        for bench, cached in zip(benches, (True, False), strict=True)
    ]
    if pooling == "cls":
        fits[1].problem.inputs.shortcut = None  # the other one leaves out what the first token does not need
    courses = [fit.run()[0] for fit in fits]
    assert (fits[0].problem.inputs.entering is None) == (not CUTS[kind])
    assert fits[1].problem.inputs.entering is None
    for a, b in zip(tensors(fits[0]), tensors(fits[1]), strict=True):
        assert torch.allclose(a, b, atol=1e-9, rtol=0)
    assert courses[0].scores["accuracy"] == courses[1].scores["accuracy"]


@pytest.mark.parametrize("kind", ["bert", "albert", "gpt2"])
def test_a_head_alone_reads_features_that_were_computed_once(kind: str) -> None:
    member = member_of(0, 0, configuration(kind="head", lr=0.1), 3, workbench(kind))
    kept, whole = (Fit([member], workbench(kind), cached=cached) for cached in (True, False))
    assert kept.problem.inputs.pooled is not None
    assert whole.problem.inputs.pooled is None
    kept.run()
    whole.run()
    assert torch.allclose(kept.pack.head, whole.pack.head, atol=1e-9, rtol=0)


def test_an_architecture_that_nobody_foresaw_is_trained_whole_and_says_so_once() -> None:
    bench = workbench("bert")
    layers, kept = encoders.blocks(bench.encoder(ModelConfig()).backbone)[1], {}
    # The last block's output is added to the first one's, which therefore cannot be left out.
    layers[0].register_forward_hook(lambda _m, _a, out: kept.update(first=out))
    layers[-1].register_forward_hook(lambda _m, _a, out: out + kept["first"])
    for seed in (3, 4):
        fit = Fit([member_of(0, 0, configuration(layers="top-1"), seed)], bench)
        assert fit.problem.inputs.entering is None
        fit.run()
    assert len(bench.notes) == 1
    assert "every block is computed" in bench.notes[0]


def test_the_backbone_is_whole_again_after_a_cached_training() -> None:
    bench = workbench()
    encoder = bench.encoder(ModelConfig())
    before = {k: v.clone() for k, v in encoder.backbone.state_dict().items()}
    Fit([member_of(0, 0, configuration(layers="top-1"), 3)], bench).run()
    after = encoder.backbone.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(before[k], v) for k, v in after.items())
    assert not any("forward" in vars(layer) for layer in encoders.blocks(encoder.backbone)[1])


@pytest.mark.parametrize("kind", ["bert", "deberta-v2", "llama"])
def test_a_prefix_reached_from_a_lower_one_is_the_same_to_the_last_bit(kind: str) -> None:
    straight, by_way = workbench(kind, dtype=torch.float32), workbench(kind, dtype=torch.float32)
    assert frozen(by_way).entering_states(1) is not None
    one, other = frozen(straight).entering_states(2), frozen(by_way).entering_states(2)
    assert one is not None
    assert other is not None
    assert torch.equal(one.values, other.values)
