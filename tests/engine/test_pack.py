"""A member's result does not depend on its pack, and the optimizer is AdamW."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import configuration, workbench

from study.engine.batches import training_batches
from study.engine.optim import PackedAdamW
from study.engine.train import Fit
from study.records import Member

MIXED = [
    configuration(kind="lora", rank=2, targets="qv", layers="all"),
    configuration(kind="lora", rank=5, targets="all-linear", layers="top-1", lam=3.0, lr=1e-2),
    configuration(kind="factorized", rank=3, targets="ffn", lam=50.0),
    configuration(kind="factorized", rank=4, residual="drop", targets="attention"),
    configuration(kind="head"),
]


def outcome(members: list[Member], which: int) -> dict[str, torch.Tensor]:
    """The effective weights and the head of one member after a whole training."""
    fit = Fit(members, workbench())
    fit.run(None)
    rows = {name: packed.merged(which).detach() for name, packed in fit.pack.attached.items()}
    base = {s.name: fit.encoder.backbone.get_submodule(s.name).weight for s in fit.encoder.sites}
    return {**base, **rows, "head": fit.pack.head[which].detach()}


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 4), st.integers(1, 4))
def test_a_member_is_the_same_alone_and_among_mixed_companions(order: list[int], who: int, companions: int) -> None:
    members = [Member(i, i % 3, c, seed=i) for i, c in enumerate(MIXED)]
    others = [members[i] for i in order if i != who][:companions]
    alone, packed = outcome([members[who]], 0), outcome([*others, members[who]], len(others))
    for name, weight in alone.items():
        assert torch.allclose(packed[name], weight, atol=1e-9, rtol=0), name


def test_the_packed_optimizer_is_torchs_adamw_for_each_member() -> None:
    torch.manual_seed(0)
    start, gradients = torch.randn(2, 4, 3, dtype=torch.float64), torch.randn(6, 2, 4, 3, dtype=torch.float64)
    lr, decay = torch.tensor([1e-2, 3e-3], dtype=torch.float64), torch.tensor([0.1, 0.0], dtype=torch.float64)
    ours = start.clone().requires_grad_()
    packed = PackedAdamW([ours], decay, torch.tensor([1e9, 1e9], dtype=torch.float64))
    twins = [start[p].clone().requires_grad_() for p in range(2)]
    reference = [torch.optim.AdamW([t], lr=lr[p], weight_decay=decay[p]) for p, t in enumerate(twins)]
    for i, gradient in enumerate(gradients):
        active = torch.tensor([True, i < 4])
        ours.grad = gradient.clone()
        packed.step(lr, active)
        for p in range(2):
            if active[p]:
                twins[p].grad = gradient[p].clone()
                reference[p].step()
    assert torch.allclose(ours.detach(), torch.stack([t.detach() for t in twins]), atol=1e-12)


@given(st.lists(st.integers(1, 80), min_size=1, max_size=200), st.integers(1, 20), st.integers(0, 3))
def test_every_example_is_in_one_batch_and_batches_repeat(lengths: list[int], size: int, epoch: int) -> None:
    batches = training_batches(np.array(lengths), size, 5, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size
    again = training_batches(np.array(lengths), size, 5, epoch)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_training_learns_and_reports_each_epoch_as_it_ends() -> None:
    heard = []
    fit = Fit([Member(0, 0, configuration(epochs=12, lr=2e-2, targets="all-linear", rank=4), 1)], workbench())
    (result,) = fit.run(lambda member, epoch: heard.append((member.trial, epoch.epoch)))
    assert heard == [(0, e) for e in range(1, 13)]
    assert result.score is not None
    assert result.score >= 0.9
    assert result.metrics["params/trainable"] == result.metrics["params/adapter"] + 2 * 16 + 2


def test_full_fine_tuning_leaves_the_shared_backbone_alone() -> None:
    bench = workbench()
    before = {k: v.clone() for k, v in next(iter(bench._encoders.values())).backbone.state_dict().items()}
    Fit([Member(0, 0, configuration(kind="full", lr=1e-3), 1)], bench).run(None)
    after = next(iter(bench._encoders.values())).backbone.state_dict()
    assert all(torch.equal(before[k], v) for k, v in after.items())


def test_members_that_cannot_share_a_pack_are_refused() -> None:
    members = [Member(0, 0, configuration(epochs=1), 1), Member(1, 0, configuration(epochs=2), 1)]
    with pytest.raises(ValueError, match="share model, epochs and batch size"):
        Fit(members, workbench())
