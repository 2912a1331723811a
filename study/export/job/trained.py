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

from study.config.schema import Configuration
from study.engine.batches import Tokens, scoring_batches
from study.export.runtime.extraction import TOKENS, Choosing
from study.export.runtime.frame import CHOOSE, WRITE, Frame
from study.export.runtime.whole import Computing, Whole, Writing
from study.methods.layers import stored, surgery
from study.methods.layers.packed import PackedLinear, Start


@dataclass(frozen=True)
class Trained:
    """One trained model: a backbone as it came, each adapted layer's factors by name, and the head [outputs, hidden].

    A model that writes has no outputs; only one that classifies has classes. `frame` is how a text is read.
    """

    backbone: nn.Module
    starts: dict[str, Start]
    head: torch.Tensor
    bias: torch.Tensor
    classes: tuple[str, ...]
    tokenizer: Any
    frame: Frame
    configuration: Configuration

    @property
    def dropped(self) -> bool:
        """Whether adapted layers have lost their own weight, so that each is a product of two thin ones."""
        return bool(self.starts) and not any(map(stored.keeps_weight, self.starts.values()))

    @contextmanager
    def attach_layers(self) -> Iterator[dict[str, PackedLinear]]:
        """While open, the backbone has its adapted layers, which are given by name."""
        attached = surgery.attach(self.backbone, [self.starts])
        try:
            yield attached
        finally:
            surgery.detach(self.backbone, attached)

    def merged_model(self) -> nn.Module:
        """A copy of the backbone with the adapters' updates added to its weights."""
        with self.attach_layers() as attached:
            whole = copy.deepcopy(self.backbone)
        layers = {name: whole.get_submodule(name) for name in attached}
        surgery.merge(whole, layers)  # type: ignore[arg-type]
        return whole

    def compressed_model(self) -> nn.Module:
        """A copy of the backbone with two thin layers for each adapted one; ValueError where one keeps its weight."""
        whole = copy.deepcopy(self.backbone)
        for name, start in self.starts.items():
            whole.set_submodule(name, stored.make_thin(whole.get_submodule(name), start))
        return whole.requires_grad_(False)

    def sentence_scorer(self, backbone: nn.Module) -> Choosing:
        """The scorer of a document's sentences with that backbone and this head."""
        pooling = self.configuration.model.pooling
        return Choosing(backbone, self.head, self.bias, self.tokenizer, pooling, self.frame.longest)

    def logits_module(self, backbone: nn.Module) -> Computing:
        """The module that computes this model's logits with that backbone."""
        if self.frame.kind == WRITE:
            return Writing(backbone)
        return Whole(backbone, self.head, self.bias, self.configuration.model.pooling)

    def logits(self, texts: Sequence[Any]) -> np.ndarray:
        """The suite's own logits [n, outputs]: its adapted layers, its tokens, its batches.

        Of documents (queries with sentences) those of each sentence, one after the other.
        """
        if self.frame.kind == CHOOSE:
            with self.attach_layers():
                return np.concatenate(self.sentence_scorer(self.backbone).scores(texts))
        tokens = Tokens.of(self.frame.rows(texts, self.tokenizer), self.frame.pad)
        parts: dict[int, np.ndarray] = {}
        with self.attach_layers():
            whole = self.logits_module(self.backbone)
            for batch in scoring_batches(tokens.lengths, TOKENS):
                ids, mask = tokens.batch(batch, torch.device("cpu"))
                parts.update(zip(batch.tolist(), whole.compute(ids.numpy(), mask.numpy()), strict=True))
        return np.stack([parts[i] for i in range(len(texts))])
