"""What counts as a linear layer, and its matrix W (out × in), whichever way round a library keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn

# By the full name of its class, so that no library has to be there: whether the weight is kept as in × out.
KINDS = {
    "torch.nn.modules.linear.Linear": False,
    "transformers.pytorch_utils.Conv1D": True,  # GPT-2's
    "torch_geometric.nn.dense.linear.Linear": False,
}


def is_linear(module: nn.Module) -> bool:
    """Whether the module computes W x + b for one matrix W."""
    return _is_transposed(module) is not None


def matrix(linear: nn.Module) -> torch.Tensor:
    """W (out × in), a view of the layer's weight: what is written into it is written into the layer.

    Raises TypeError for what is no linear layer.
    """
    import torch

    turned, weight = _is_transposed(linear), getattr(linear, "weight", None)
    if turned is None or not isinstance(weight, torch.Tensor):
        raise TypeError(f"{type(linear).__name__} is no linear layer")
    return weight.mT if turned else weight


def bias(linear: nn.Module) -> torch.Tensor | None:
    """b [out], or None where the layer has none."""
    return linear.bias  # type: ignore[return-value]


def _is_transposed(module: nn.Module) -> bool | None:
    """Whether the layer keeps W as in × out; None for what is no linear layer."""
    for cls in type(module).__mro__:
        name = f"{cls.__module__}.{cls.__qualname__}"
        if name in KINDS:
            return KINDS[name]
    return None
