"""Pairs of texts are read by language models that write, with their own output layer."""

from __future__ import annotations

from typing import Any

from torch import nn

from study.config.schema import ModelConfig
from study.models import generators, graphs
from study.models.encoders import Encoder
from study.models.kinds.base import TextReader


class PairReader(TextReader):
    """Opens whole language models."""

    def shapes(self, model: ModelConfig, examples: Any) -> nn.Module:
        graphs.refuse(model)
        return generators.shapes(model)

    def load(self, model: ModelConfig, examples: Any) -> Encoder:
        return generators.load(model)


READER = PairReader()
