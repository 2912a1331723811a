"""Training on kept hidden states is training on the whole model."""

from __future__ import annotations

import pytest
import torch
from tiny import configuration, workbench

from study.engine.train import Fit
from study.records import Member


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "albert"])
@pytest.mark.parametrize("method", ["lora", "factorized", "head"])
def test_cached_and_uncached_training_give_the_same_member(kind: str, method: str) -> None:
    member = Member(0, 0, configuration(kind=method, layers="top-1", targets="all-linear"), 3)
    fits = [Fit([member], workbench(kind), cached=cached) for cached in (True, False)]
    results = [fit.run(None)[0] for fit in fits]
    # ALBERT's blocks share their weights, so an adapted one leaves no frozen prefix.
    assert (fits[0].frozen is None) == (kind == "albert" and method != "head")
    assert fits[1].frozen is None
    for a, b in zip(fits[0].pack.trained(), fits[1].pack.trained(), strict=True):
        assert torch.allclose(a, b, atol=1e-9, rtol=0)
    assert results[0].score == results[1].score
    assert results[0].metrics["memory/train_bytes"] == results[1].metrics["memory/train_bytes"]


def test_the_backbone_is_whole_again_after_a_cached_training() -> None:
    bench = workbench()
    encoder = next(iter(bench._encoders.values()))
    before = {k: v.clone() for k, v in encoder.backbone.state_dict().items()}
    Fit([Member(0, 0, configuration(layers="top-1"), 3)], bench).run(None)
    after = encoder.backbone.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(before[k], v) for k, v in after.items())
