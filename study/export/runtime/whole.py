"""Modules from token ids and mask to logits: what an export computes, whatever its weights came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from study.engine.pooling import pool
from study.models import generators


class Computing(nn.Module):
    """A module from token ids and mask, int64 [n, T] and padded at the end, to logits [n, outputs]."""

    @torch.no_grad()
    def compute(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The logits of token ids and mask that are arrays of numpy, as an array."""
        return self(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()  # type: ignore[no-any-return]


class Whole(Computing):
    """Backbone, pooling and head in one module."""

    def __init__(self, backbone: nn.Module, head: torch.Tensor, bias: torch.Tensor, pooling: str) -> None:
        super().__init__()
        self.backbone, self.pooling = backbone, pooling
        self.head, self.bias = nn.Parameter(head, requires_grad=False), nn.Parameter(bias, requires_grad=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        output = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        return pool(output, attention_mask, self.pooling) @ self.head.T + self.bias


class Answering(Computing):
    """transformers' own classifier."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits  # type: ignore[no-any-return]


class Writing(Computing):
    """A language model; its logits [n, words] are those of the first token that it would write."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.two_stacks: bool = model.config.is_encoder_decoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        given: dict[str, Any] = {"input_ids": input_ids, "attention_mask": attention_mask, "use_cache": False}
        if self.two_stacks:
            first = torch.full_like(input_ids[:, :1], generators.first_token(self.model))
            return self.model(**given, decoder_input_ids=first).logits[:, 0]  # type: ignore[no-any-return]
        hidden = pool(self.model.base_model(**given), attention_mask, "last")
        return self.model.get_output_embeddings()(hidden)  # type: ignore[no-any-return]

    @torch.no_grad()
    def write(self, ids: np.ndarray, mask: np.ndarray, longest: int, pad: int) -> np.ndarray:
        """The ids [n, ...] that the model writes, greedily or with its own beams, for token ids and mask [n, T]."""
        return generators.write(self.model, torch.from_numpy(ids), torch.from_numpy(mask), longest, pad).numpy()
