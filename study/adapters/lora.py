"""LoRA: W + (α/r) B A, with A and B trained and B starting at zero (Hu et al. 2021, arXiv 2106.09685)."""

from __future__ import annotations

import math

import torch
from torch import nn

from study.adapters.factors import Start
from study.config import MethodConfig


def start(method: MethodConfig, linear: nn.Linear, generator: torch.Generator) -> Start:
    """A drawn as in the authors' code (Kaiming uniform, a = √5), B = B* = 0."""
    weight = linear.weight
    bound = 1 / math.sqrt(linear.in_features)  # what kaiming_uniform_ with a = √5 comes to
    draw = torch.rand(method.rank, linear.in_features, generator=generator, dtype=torch.float64)
    down = ((2 * draw - 1) * bound).to(weight)
    zero = weight.new_zeros(linear.out_features, method.rank)
    return Start(down, zero, zero, zero, method.alpha / method.rank, 1.0, True)
