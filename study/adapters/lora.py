"""LoRA: W + (α/r) B A, with A and B trained and B starting at zero (Hu et al. 2021, arXiv 2106.09685)."""

from __future__ import annotations

import math

import torch

from study.adapters.factors import Start


def start(weight: torch.Tensor, rank: int, alpha: float, generator: torch.Generator) -> Start:
    """A drawn as in the authors' code (Kaiming uniform, a = √5), B = B* = 0, for W (out × in)."""
    outputs, inputs = weight.shape
    bound = 1 / math.sqrt(inputs)  # what kaiming_uniform_ with a = √5 comes to
    draw = torch.rand(rank, inputs, generator=generator, dtype=torch.float64)
    down = ((2 * draw - 1) * bound).to(weight)
    zero = weight.new_zeros(outputs, rank)
    return Start(down, zero, zero, zero, alpha / rank, 1.0, True)
