"""One member's adapted product with the update merged into the weight, and its gradients.

y = (W + s U D) xᵀ needs one product instead of three, and its backward pass neither a gradient of the
merged weight nor the merged weight itself kept: both are made of skinny products.
"""

from __future__ import annotations

from typing import Any

import torch


class _Merged(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor | None,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, down, up, scale)
        ctx.weight = weight  # frozen, and held by its layer anyway
        return torch.nn.functional.linear(x, _sum(weight, down, up, scale), bias)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, down, up, scale = ctx.saved_tensors
        rows, dy = x.reshape(-1, x.shape[-1]), grads[0].reshape(-1, grads[0].shape[-1])
        dx = d_down = d_up = None
        if ctx.needs_input_grad[0]:
            dx = (dy @ _sum(ctx.weight, down, up, scale)).view_as(x)
        if ctx.needs_input_grad[3]:
            d_down = scale.view(()) * ((dy @ up).mT @ rows)
        if ctx.needs_input_grad[4]:
            d_up = scale.view(()) * (dy.mT @ (rows @ down.mT))
        return dx, None, None, d_down, d_up, None


def _sum(weight: torch.Tensor | None, down: torch.Tensor, up: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    scaled = scale.view(()) * up
    if weight is None:
        return scaled @ down
    if weight.is_contiguous():
        return (scaled @ down).add_(weight)
    return (down.mT @ scaled.mT).add_(weight.mT).mT  # the way it lies in memory, where that is in × out


def merged_linear(
    x: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    down: torch.Tensor,
    up: torch.Tensor,
    scale: torch.Tensor,
) -> torch.Tensor:
    """x (W + s U D)ᵀ + b for x [..., in], W [out, in] or None for zero, D [r, in], U [out, r], s of one number.

    Gradients reach x, D and U; W and b are frozen.
    """
    out: torch.Tensor = _Merged.apply(x, weight, bias, down, up, scale)  # type: ignore[no-untyped-call]
    return out
