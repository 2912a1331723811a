"""Frozen products: linear layers that read what enters the lowest adapted block multiply it by their W once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from study.engine.shortcuts.equivalence import probe_tokens
from study.methods.layers.packed import PackedLinear
from study.models.encoders import blocks
from study.models.linear import is_linear


@torch.no_grad()
def entry_layers(backbone: nn.Module, block: int) -> tuple[str, ...]:
    """The linear layers, by name, whose input is what enters the block: their frozen products are frozen work too."""
    name, layers = blocks(backbone)
    entered: list[torch.Tensor] = []
    names: list[str] = []

    def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        entered.append(args[0] if args else kwargs["hidden_states"])

    def look(inner: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(_: nn.Module, args: tuple[Any, ...]) -> None:
            if args and args[0] is entered[0]:
                names.append(f"{name}.{block}.{inner}")

        return hook

    handles = [layers[block].register_forward_pre_hook(enter, with_kwargs=True)]
    linears = [(inner, m) for inner, m in layers[block].named_modules() if is_linear(m)]
    handles += [module.register_forward_pre_hook(look(inner)) for inner, module in linears]
    ids, mask = probe_tokens(backbone)
    try:
        backbone(input_ids=ids, attention_mask=mask)
    finally:
        for handle in handles:
            handle.remove()
    return tuple(names)


@contextmanager
def hand_in(backbone: nn.Module, products: dict[str, torch.Tensor]) -> Iterator[None]:
    """While open, the linear layers of these names return `products`, W x + b [n, T, out], instead of multiplying."""
    modules = {name: backbone.get_submodule(name) for name in products}
    for name, module in modules.items():
        if isinstance(module, PackedLinear):
            module.product = products[name]
        else:
            module.forward = _constant(products[name])
    try:
        yield
    finally:
        for module in modules.values():
            if isinstance(module, PackedLinear):
                module.product = None
            else:
                del module.forward


def _constant(product: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """A forward method that returns the product, whatever it is given."""
    return lambda _: product
