"""Whether another way of running a model computes the same: found by trying both on a few tokens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

# A wrong cut is off by about the size of the numbers; rounding, by far less than this share of it.
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.1}


NEIGHBOURS = ("layer_types", "sliding_window", "local_attention", "attention_window")  # keys of such models
# What a model's own code raises where a trick does not fit it.
ODD = (RuntimeError, TypeError, ValueError, IndexError, AttributeError)


def probe_tokens(backbone: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """A few token ids [3, 8] with their mask, on the backbone's device: one row whole, two padded."""
    config: Any = backbone.config
    device, pad = next(backbone.parameters()).device, config.pad_token_id or 0
    ids = torch.arange(24, device=device).view(3, 8) * 7 % max(1, config.vocab_size - 8) + 8
    mask = (torch.arange(8, device=device) < torch.tensor([[8], [5], [2]], device=device)).long()
    return torch.where(mask == 1, ids, pad), mask


@torch.no_grad()
def takes_mask(backbone: nn.Module) -> bool:
    """Whether the backbone computes the same from a mask of tokens [n, 1, 1, T] as from [n, T].

    Given the former it need not look whether anything is masked, for which a GPU would have to be waited for. To a
    decoder it is another mask, as trying shows. Models some of whose layers look at neighbours alone are not tried: it
    would be another mask on texts longer than the few tokens tried here.
    """
    config: Any = backbone.config
    if any(getattr(config, name, None) for name in NEIGHBOURS):
        return False
    ids, mask = probe_tokens(backbone)
    whole = backbone(input_ids=ids, attention_mask=mask).last_hidden_state
    try:
        other = backbone(input_ids=ids, attention_mask=attention_mask(mask)).last_hidden_state
    except ODD:
        return False
    return _alike(other, whole, mask)


def attention_mask(mask: torch.Tensor) -> torch.Tensor:
    """The mask [n, T] in the form that attention uses: [n, 1, 1, T], true where a token may be looked at."""
    return mask.bool()[:, None, None]


@torch.no_grad()
def computes_the_same(
    backbone: nn.Module, changed: Callable[[], AbstractContextManager[None]], tokens: int = 8
) -> bool:
    """Whether the first `tokens` last hidden states of a few texts are the same inside `changed()` as outside."""
    ids, mask = probe_tokens(backbone)
    whole = backbone(input_ids=ids, attention_mask=mask).last_hidden_state[:, :tokens]
    try:
        with changed():
            other = backbone(input_ids=ids, attention_mask=mask).last_hidden_state[:, :tokens]
    except ODD:
        return False
    return _alike(other, whole, mask[:, :tokens])


def _alike(other: torch.Tensor, whole: torch.Tensor, mask: torch.Tensor) -> bool:
    """Whether hidden states are equal to within rounding wherever there is a token."""
    if other.shape != whole.shape:
        return False
    real = mask[:, :, None].bool()
    gap = ((other - whole) * real).abs().max()
    return bool(gap <= TOLERANCE[whole.dtype] * (whole * real).abs().max())
