"""Attach, merge and detach: pure functions over a backbone, and which parameters train."""

from __future__ import annotations

import torch
from torch import nn

from study import seeding
from study.adapters import factorized, lora
from study.adapters.factors import PackedLinear, Start
from study.adapters.spectrum import Spectrum
from study.config import MethodConfig
from study.models.linear import matrix
from study.models.targets import LinearSite, select_ranks


def starts_of(
    method: MethodConfig, sites: tuple[LinearSite, ...], backbone: nn.Module, seed: int, spectrum: Spectrum
) -> dict[str, Start]:
    """One member's start at each layer that its method adapts, by the layer's name."""
    out = {}
    for site, rank in select_ranks(method, sites).items():
        weight = matrix(backbone.get_submodule(site.name))
        if method.kind == "lora":
            # A generator per layer: what a layer draws must not depend on which others are adapted.
            generator = torch.Generator().manual_seed(seeding.derive(seed, site.name))
            out[site.name] = lora.start(weight, rank, method.alpha, generator)
        else:
            out[site.name] = factorized.start(site.name, weight, rank, method.residual, spectrum)
    return out


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
        weight = packed.merged(member)
        backbone.set_submodule(name, packed.linear)
        matrix(packed.linear).copy_(weight)


def adapter_parameters(method: MethodConfig, sites: tuple[LinearSite, ...]) -> int:
    """Trainable numbers of the adapter (head apart), from shapes alone."""
    down = method.kind == "lora"
    return sum(rank * (s.outputs + (s.inputs if down else 0)) for s, rank in select_ranks(method, sites).items())


def stored_parameters(method: MethodConfig, sites: tuple[LinearSite, ...], total: int) -> int:
    """Numbers that the adapted backbone needs on disk: `factorized drop` replaces W by B and C.

    LoRA and `keep` store their factors beside the backbone (C of `keep` is recomputed from W).
    """
    if method.kind == "factorized" and method.residual == "drop":
        chosen = select_ranks(method, sites).items()
        return total + sum(rank * (s.inputs + s.outputs) - s.inputs * s.outputs for s, rank in chosen)
    return total + adapter_parameters(method, sites)
