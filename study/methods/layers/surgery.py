"""Attach, merge and detach: pure functions over a backbone, and which parameters train."""

from __future__ import annotations

import torch
from torch import nn

from study.methods.layers.packed import PackedLinear, Start
from study.models.linear import matrix


def attach(backbone: nn.Module, members: list[dict[str, Start]]) -> dict[str, PackedLinear]:
    """Replace each layer that any member adapts, in place and all or none; :func:`detach` undoes it."""
    # dict.fromkeys keeps order where a set would not: parameters must come in the same order every time.
    names = dict.fromkeys(name for member in members for name in member)
    out = {}
    for name in names:
        out[name] = PackedLinear(backbone.get_submodule(name), [member.get(name) for member in members])
    reattach(backbone, out)  # at the end, since making them may run out of memory
    return out


def detach(backbone: nn.Module, attached: dict[str, PackedLinear]) -> None:
    """Put the original layers back, bit by bit what they were."""
    for name, packed in attached.items():
        backbone.set_submodule(name, packed.linear)


def reattach(backbone: nn.Module, attached: dict[str, PackedLinear]) -> None:
    """Put adapted layers in; the inverse of :func:`detach`."""
    for name, packed in attached.items():
        backbone.set_submodule(name, packed)


@torch.no_grad()
def merge(backbone: nn.Module, attached: dict[str, PackedLinear], member: int = 0) -> None:
    """Detach and write one member's effective weights into the layers (the backbone then is that member)."""
    for name, packed in attached.items():
        weight = packed.effective_weight(member)
        backbone.set_submodule(name, packed.linear)
        matrix(packed.linear).copy_(weight)
