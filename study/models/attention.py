"""The attention that encoders compute here: torch's own, told what its kernels do well and what is not read.

Registered with transformers under a name of its own; models that bring their own attention keep it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

NAME = "lora_study"
FIRST_TOKEN = "_lora_study_first_token"  # set on an attention module of which only the first token's output is read


def use(backbone: nn.Module) -> None:
    """Let a model that runs torch's scaled dot-product attention run it by way of :func:`attend`."""
    config: Any = backbone.config
    if getattr(config, "_attn_implementation", None) != "sdpa":
        return
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, sdpa_mask)
    config._attn_implementation = NAME


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of query, key and value [n, heads, T, size] as [n, T, heads, size], like transformers' own.

    On a CPU products of low precision are computed in float32, since torch's kernel for bfloat16 took five
    to thirteen times as long there (measured, 8 to 80 tokens).
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    tokens, dtype = query.shape[2], query.dtype
    first = getattr(module, FIRST_TOKEN, False)
    # What is added to the scores: the mask, and relative positions where a model has them (T5).
    added = {"attention_mask": attention_mask, "position_bias": kwargs.pop("position_bias", None)}
    if first:
        query = query[:, :, :1]
        added = {name: value if value is None else value[:, :, :1] for name, value in added.items()}
    if query.device.type == "cpu" and dtype in (torch.bfloat16, torch.float16):
        query, key, value = query.float(), key.float(), value.float()
        added = {name: x.float() if x is not None and x.is_floating_point() else x for name, x in added.items()}
    out, _ = sdpa_attention_forward(module, query, key, value, **added, **kwargs)
    return (out.expand(-1, tokens, -1, -1) if first else out).to(dtype), None
