"""One trained model, in float32 on the CPU, apart from any study: what every format is written from."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from study.adapters import export, surgery
from study.adapters.factors import PackedLinear, Start
from study.config import Configuration
from study.engine.batches import scoring_batches
from study.engine.pooling import pool
from study.engine.texts import tokenized

TOKENS = 4096  # that a forward pass holds at most


@dataclass(frozen=True)
class Trained:
    """A backbone as it came, what each adapted layer of it has learned, and the head [classes, hidden] on top."""

    backbone: nn.Module
    starts: dict[str, Start]
    head: torch.Tensor
    bias: torch.Tensor
    classes: tuple[str, ...]
    tokenizer: Any
    configuration: Configuration

    @property
    def dropped(self) -> bool:
        """Whether adapted layers have lost their own weight, so that two thin ones stand for each."""
        return bool(self.starts) and not any(map(export.keeps_weight, self.starts.values()))

    @contextmanager
    def adapted(self) -> Iterator[dict[str, PackedLinear]]:
        """While open, the backbone has its adapted layers."""
        attached = surgery.attach(self.backbone, [self.starts])
        try:
            yield attached
        finally:
            surgery.detach(self.backbone, attached)

    def merged(self) -> nn.Module:
        """A copy of the backbone whose weights are the effective ones."""
        with self.adapted() as attached:
            whole = copy.deepcopy(self.backbone)
        own = {name: whole.get_submodule(name) for name in attached}
        surgery.merge(whole, own)  # type: ignore[arg-type]
        return whole

    def compressed(self) -> nn.Module:
        """A copy of the backbone with two thin layers for each adapted one; ValueError where one keeps its weight."""
        whole = copy.deepcopy(self.backbone)
        for name, start in self.starts.items():
            whole.set_submodule(name, export.thin(whole.get_submodule(name), start))
        return whole.requires_grad_(False)

    @torch.no_grad()
    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The suite's own logits [n, classes]: its adapted layers, its tokens, its batches."""
        model = self.configuration.model
        tokens = tokenized(texts, self.tokenizer, model.max_length)
        out = np.zeros((len(texts), len(self.bias)), dtype=np.float32)
        with self.adapted():
            for batch in scoring_batches(tokens.lengths, TOKENS):
                ids, mask = tokens.batch(batch, torch.device("cpu"))
                features = pool(self.backbone(input_ids=ids, attention_mask=mask), mask, model.pooling)
                out[batch] = (features @ self.head.T + self.bias).numpy()
        return out


class Computing(nn.Module):
    """Token ids and mask [n, T] to logits [n, classes]."""

    @torch.no_grad()
    def compute(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """The same of arrays."""
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
