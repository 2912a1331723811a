"""Pairs of texts are read by language models that write, with their own output layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from study.config.schema import ModelConfig
from study.models import generators
from study.models.embedded import refuse_graph_network
from study.models.encoders import Encoder
from study.models.kinds.base import TextReader

if TYPE_CHECKING:
    from torch import nn


class PairReader(TextReader):
    """Opens whole language models."""

    def shapes(self, model: ModelConfig, examples: Any) -> nn.Module:
        refuse_graph_network(model)
        return generators.shapes(model)

    def load(self, model: ModelConfig, examples: Any) -> Encoder:
        return generators.load(model)


READER = PairReader()
