"""What training left in adapted layers, in the forms that other software keeps; pure functions."""

from __future__ import annotations

import torch
from torch import nn

from study.methods.layers.packed import PackedLinear, Start, trained_dtype
from study.models.linear import bias, matrix


@torch.no_grad()
def trained_start(packed: PackedLinear, member: int = 0) -> Start:
    """One member's trained product as a start from which nothing is left to subtract: what was constant joins B and D.

    On the CPU; adapting a layer with it gives the trained layer.
    """
    down, up = (factor[member].detach().cpu().clone() for factor in packed.factors())
    lengths = packed.magnitude
    magnitude = None if lengths is None or not packed.stretched[member] else lengths[member].detach().cpu().clone()
    zero, scale, frozen = torch.zeros_like(up), float(packed.scale[member]), float(packed.frozen[member])
    return Start(down, up, zero, zero, scale, frozen, False, magnitude=magnitude)


def keeps_weight(start: Start) -> bool:
    """Whether the layer is W plus an update, which is what LoRA's formats can say."""
    return start.frozen == 1.0


class Thin(nn.Sequential):
    """A layer B (C x) + b of two thin ones, in place of one W x + b: r (in + out) numbers instead of in · out."""

    def __init__(self, inputs: int, rank: int, outputs: int, bias: bool) -> None:
        super().__init__(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=bias))

    @property
    def weight(self) -> torch.Tensor:
        """The weight at whose precision some models look before they hand in their states."""
        second: nn.Linear = self[1]  # type: ignore[assignment]
        return second.weight


@torch.no_grad()
def make_thin(linear: nn.Module, start: Start) -> Thin:
    """The two layers that a start without W comes to; raises ValueError where it keeps W."""
    if start.frozen:
        raise ValueError("the layer keeps its weight, so that two thin ones cannot stand for it")
    weight, linear_bias = matrix(linear), bias(linear)
    out = Thin(weight.shape[1], len(start.down), weight.shape[0], linear_bias is not None).to(trained_dtype(weight))
    first, second = (part for part in out if isinstance(part, nn.Linear))
    first.weight.copy_(start.down)
    second.weight.copy_(start.scale * start.up)
    if linear_bias is not None:
        second.bias.copy_(linear_bias)
    return out


@torch.no_grad()
def lost_share(linear: nn.Module, start: Start) -> float:
    """The share of ‖W‖_F that no B C of the start's C can say: what `residual: drop` gave up before training.

    C has orthonormal rows, so the best approximation in its span is W Cᵀ C.
    """
    weight, c = matrix(linear).double(), start.down.double()
    return float(torch.linalg.matrix_norm(weight - weight @ c.T @ c) / torch.linalg.matrix_norm(weight))
