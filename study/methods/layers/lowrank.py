"""A frozen product with each member's low-rank product added in place, and its gradients.

y = x Wᵀ + b + (x Dᵀ) Uᵀ leaves the low-rank product's sum with W x, and the sum of both gradients of x, to the
matrix products themselves: nothing as large as y or x is made twice. Kept for the backward pass are x and x Dᵀ.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F


class _LowRank(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
    ) -> torch.Tensor:
        rows = _rows(x, len(up))
        out, low = F.linear(rows, weight, bias), by_member(rows, down)
        for y, part, u in zip(out, low, up, strict=True):
            y.addmm_(part, u.mT)
        ctx.save_for_backward(x, down, up, low)
        ctx.weight = weight  # frozen, and held by its layer anyway
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, down, up, low = ctx.saved_tensors
        to_x, _, _, to_down, _ = ctx.needs_input_grad
        rows, dy = _rows(x, len(up)), _rows(grads[0], len(up))
        skinny, d_up = by_member(dy, up.mT), by_member(dy.mT, low.mT)
        d_down = by_member(skinny.mT, rows.mT) if to_down else None
        if not to_x:
            return None, None, None, d_down, d_up
        dx = dy @ ctx.weight
        for part, g, d in zip(dx, skinny, down, strict=True):
            part.addmm_(g, d)
        return dx.view_as(x), None, None, d_down, d_up


def _rows(x: torch.Tensor, members: int) -> torch.Tensor:
    """Rows [P, n, width] of x [P·n, ..., width]."""
    return x.reshape(members, -1, x.shape[-1])


def by_member(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Each member's rows [P, n, in] times its weight [P, out, in], as [P, n, out].

    On a CPU one product after the other: the batched one copies what it is given in low precision.
    """
    if rows.device.type != "cpu":
        return rows @ weights.mT
    return torch.stack([F.linear(r, w) for r, w in zip(rows, weights, strict=True)])


def low_rank_linear(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    down: torch.Tensor,
    up: torch.Tensor,
) -> torch.Tensor:
    """x Wᵀ + b + (x Dᵀ) Uᵀ for x [P·n, ..., in], W [out, in], and D [r, in] and U [out, r] of each member.

    `down` is [P, r, in], `up` [P, out, r], both in the precision of x. Gradients reach x, D and U; W and b are frozen.
    """
    out: torch.Tensor = _LowRank.apply(x, weight, bias, down, up)  # type: ignore[no-untyped-call]
    return out
