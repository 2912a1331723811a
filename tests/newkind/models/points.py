"""Points are read by a drawn network of a few linear layers."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from study.config.schema import ModelConfig
from study.core.errors import ConfigError
from study.models import encoders
from study.models.encoders import Encoder
from study.models.kinds.base import Reader
from study.models.tables import Tables

NAME, WIDTH, BLOCKS = "mixer", 8, 2


class Mixer(nn.Module):
    """Blocks of a linear layer each, from points [n, 3] to states [n, WIDTH]."""

    def __init__(self) -> None:
        super().__init__()
        self.config = SimpleNamespace(model_type=NAME, num_hidden_layers=BLOCKS, hidden_size=WIDTH)
        self.blocks = nn.ModuleList(
            [nn.ModuleDict({"mix": nn.Linear(width, WIDTH)}) for width in (3, *[WIDTH] * (BLOCKS - 1))]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = torch.tanh(block["mix"](x))  # type: ignore[index]
        return x


class PointReader(Reader):
    """Opens the one network that there is."""

    def shapes(self, model: ModelConfig, examples: Any) -> nn.Module:
        if model.name != NAME:
            raise ConfigError(f"model.name={model.name}", "reads no points", f"write model.name={NAME}")
        with torch.device("meta"):
            return Mixer()

    def tables(self, backbone: nn.Module) -> tuple[Tables, ...]:
        return ()

    def load(self, model: ModelConfig, examples: Any) -> Encoder:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Mixer().to(getattr(torch, model.precision))
        return encoders.wrap(network, None, self.fingerprint(model, examples))

    def fingerprint(self, model: ModelConfig, examples: Any) -> str:
        return hashlib.sha256(f"{NAME} {WIDTH} {BLOCKS} {torch.__version__}".encode()).hexdigest()[:16]


READER = PointReader()
