"""A graph is read by a graph network, which is made for its features."""

from __future__ import annotations

import math
from typing import ClassVar

from torch import nn

from study.config.schema import ModelConfig
from study.data.examples import Graph
from study.models import graphs
from study.models.encoders import Encoder
from study.models.geometry import Tables
from study.models.kinds.base import Reader


class GraphReader(Reader):
    """Opens the suite's own graph networks; they look up nothing."""

    highest_full_lr: ClassVar[float] = math.inf  # their authors train them whole at 0.005 and 0.01, and from nothing

    def shapes(self, model: ModelConfig, examples: Graph) -> nn.Module:
        return graphs.shapes(model, examples)

    def tables(self, backbone: nn.Module) -> tuple[Tables, ...]:
        return ()

    def load(self, model: ModelConfig, examples: Graph) -> Encoder:
        return graphs.load(model, examples)

    def fingerprint(self, model: ModelConfig, examples: Graph) -> str:
        return graphs.fingerprint(model, examples)


READER = GraphReader()
