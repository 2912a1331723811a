"""Documents are read as texts are, with a vector for every sentence."""

from __future__ import annotations

from typing import Any

from torch import nn

from study.config.schema import ModelConfig
from study.core.errors import ConfigError
from study.models import graphs
from study.models.kinds.base import TextReader


class DocumentReader(TextReader):
    """Opens text models whose pooling has something to say of each sentence."""

    def shapes(self, model: ModelConfig, examples: Any) -> nn.Module:
        graphs.refuse(model)
        if model.pooling == "pooler":
            rule = "reads a text's first token, and a summary is made of vectors of every sentence"
            raise ConfigError("model.pooling=pooler", rule, "write model.pooling=mean or cls")
        return super().shapes(model, examples)


READER = DocumentReader()
