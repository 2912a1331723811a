"""Documents are read as texts are, with a vector for every sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from study.config.schema import ModelConfig
from study.core.errors import ConfigError
from study.models.embedded import refuse_graph_network
from study.models.kinds.base import TextReader

if TYPE_CHECKING:
    from torch import nn


class DocumentReader(TextReader):
    """Opens text models whose pooling has something to say of each sentence."""

    def shapes(self, model: ModelConfig, examples: Any) -> nn.Module:
        refuse_graph_network(model)
        if model.pooling == "pooler":
            rule = "reads a text's first token, and a summary is made of vectors of every sentence"
            raise ConfigError("model.pooling=pooler", rule, "write model.pooling=mean or cls")
        return super().shapes(model, examples)


READER = DocumentReader()
