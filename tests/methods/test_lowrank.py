"""The low-rank product that is added in place, against the sum written out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from study.methods.layers.lowrank import low_rank_linear
from study.methods.layers.packed import PackedLinear, Start


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def written_out(x, weight, bias, down, up):
    members = len(up)
    rows = x.reshape(members, -1, x.shape[-1])
    low = torch.einsum("pni,pri,por->pno", rows, down, up)
    return F.linear(x, weight, bias) + low.reshape(*x.shape[:-1], -1)


@given(
    members=st.integers(1, 3),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3)),
    has_bias=st.booleans(),
    turned=st.booleans(),
    trains=st.tuples(st.booleans(), st.booleans()),
)
def test_value_and_gradients_are_those_of_the_sum_written_out(members, shape, sizes, has_bias, turned, trains) -> None:
    outputs, inputs, rank = sizes
    weight = drawn(inputs, outputs, seed=0).mT if turned else drawn(outputs, inputs, seed=0)
    bias = drawn(outputs, seed=1) if has_bias else None
    x = drawn(members * shape[0], *shape[1:], inputs, seed=2).requires_grad_(trains[0])
    down = drawn(members, rank, inputs, seed=3).requires_grad_(trains[1])
    up = drawn(members, outputs, rank, seed=4).requires_grad_()
    wanted = [t for t in (x, down, up) if t.requires_grad]
    outs = [f(x, weight, bias, down, up) for f in (low_rank_linear, written_out)]
    assert outs[0].shape == outs[1].shape
    torch.testing.assert_close(*outs)
    pull = drawn(*outs[0].shape, seed=6)
    for ours, theirs in zip(*(torch.autograd.grad(out, wanted, pull) for out in outs), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_neither_what_enters_nor_the_frozen_weight_is_changed() -> None:
    x, weight, bias = drawn(4, 3, seed=1), drawn(5, 3, seed=2), drawn(5, seed=3)
    before = [t.clone() for t in (x, weight, bias)]
    up = drawn(2, 5, 2, seed=4).requires_grad_()
    low_rank_linear(x, weight, bias, drawn(2, 2, 3, seed=5), up).sum().backward()
    assert all(map(torch.equal, (x, weight, bias), before))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_it_rounds_once_where_the_sum_written_out_rounds_twice(precision: torch.dtype) -> None:
    inputs = (drawn(64, 48, seed=1), drawn(40, 48, seed=2), drawn(40, seed=3))
    factors = (drawn(1, 4, 48, seed=4), drawn(1, 40, 4, seed=5))
    exact = written_out(*inputs, *factors)
    low = [t.to(precision) for t in (*inputs, *factors)]
    errors = [(f(*low).double() - exact).abs().mean() for f in (low_rank_linear, written_out)]
    assert errors[0] <= 1.05 * errors[1]


def test_a_scale_that_low_precision_has_not_is_applied_before_rounding() -> None:
    frozen = torch.nn.Linear(64, 64, bias=False, dtype=torch.bfloat16)
    frozen.weight.data.zero_()
    down, up, x = (drawn(*shape, seed=seed).float() for seed, shape in enumerate([(4, 64), (64, 4), (8, 64)]))
    zero = torch.zeros_like(up)
    layer = PackedLinear(frozen, [Start(down, up, zero, zero, 1 / 3, 1.0, train_down=True)])
    exact = (x.bfloat16().float() @ down.T @ up.T / 3).flatten()  # 1/3 is 0.2 % larger in bfloat16
    ours = layer(x.bfloat16()).detach().float().flatten()
    assert float(ours @ exact / (exact @ exact)) == pytest.approx(1, abs=1e-3)
