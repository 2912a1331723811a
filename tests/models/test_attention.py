"""The suite's attention is torch's own, of which only what is read is computed."""

from __future__ import annotations

import pytest
import torch
from tiny import FAMILIES, backbone
from torch import nn

from study.models import attention

SHAPE = (2, 3, 7, 4)  # texts, heads, tokens, size


def inputs(dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(SHAPE, generator=generator).to(dtype) for _ in range(3))
    mask = torch.ones(2, 1, 7, 7, dtype=torch.bool)
    mask[1, ..., 5:] = False
    return q, k, v, mask


def by_hand(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weights = (q @ k.mT / 2).masked_fill(~mask, -torch.inf).softmax(-1)
    return (weights @ v).transpose(1, 2)


def test_it_is_scaled_dot_product_attention() -> None:
    q, k, v, mask = inputs()
    module = nn.Module()
    out, _ = attention.attend(module, q, k, v, mask)
    assert torch.allclose(out, by_hand(q, k, v, mask), atol=1e-6)
    setattr(module, attention.FIRST_TOKEN, True)
    first, _ = attention.attend(module, q, k, v, mask)
    assert first.shape == out.shape
    assert torch.allclose(first[:, 0], out[:, 0], atol=1e-6)


def test_low_precision_is_computed_in_float32_on_a_cpu_and_returned_as_it_came() -> None:
    q, k, v, mask = inputs(torch.bfloat16)
    out, _ = attention.attend(nn.Module(), q, k, v, mask)
    assert out.dtype == torch.bfloat16
    exact = by_hand(q.float(), k.float(), v.float(), mask)
    assert torch.equal(out, exact.to(torch.bfloat16)) or torch.allclose(out.float(), exact, atol=0.01)


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_computes_what_it_did(kind: str) -> None:
    model = backbone(kind).double().eval()
    ids = torch.arange(8, 22).view(2, 7)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    with torch.no_grad():
        before = model(input_ids=ids, attention_mask=mask).last_hidden_state
        attention.use(model)
        after = model(input_ids=ids, attention_mask=mask).last_hidden_state
    exempt = {"deberta-v2", "mpnet", "t5"}  # attention of their own, with positions in it
    assert (model.config._attn_implementation == attention.NAME) or kind in exempt
    assert torch.allclose(before[mask.bool()], after[mask.bool()], atol=1e-12)


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family_computes_in_low_precision_what_it_does_in_high(kind: str) -> None:
    ids = torch.arange(8, 22).view(2, 7)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    out = []
    for dtype in (torch.float64, torch.bfloat16):
        model = backbone(kind).to(dtype).eval()
        attention.use(model)
        with torch.no_grad():
            out.append(model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()].double())
    assert (out[0] - out[1]).abs().max() < 0.05 * out[0].abs().max()


def test_relative_positions_are_cut_to_the_first_token_as_its_query_is() -> None:
    q, k, v, mask = inputs()
    bias = torch.randn(1, 3, 7, 7, generator=torch.Generator().manual_seed(1))
    module = nn.Module()
    whole, _ = attention.attend(module, q, k, v, mask, position_bias=bias)
    weights = (q @ k.mT / 2 + bias).masked_fill(~mask, -torch.inf).softmax(-1)
    assert torch.allclose(whole, (weights @ v).transpose(1, 2), atol=1e-6)
    setattr(module, attention.FIRST_TOKEN, True)
    first, _ = attention.attend(module, q, k, v, mask, position_bias=bias)
    assert torch.allclose(first[:, 0], whole[:, 0], atol=1e-6)
