"""The one form that every low-rank method takes in a pack of members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Start:
    """Where one member starts at one layer.

    down is A or C (r × in), up is B (out × r), `target` is B* of the distance term, `shift` is
    subtracted from B in the forward product, `scale` multiplies it, `frozen` is the share of W x kept.
    """

    down: torch.Tensor
    up: torch.Tensor
    shift: torch.Tensor
    target: torch.Tensor
    scale: float
    frozen: float
    train_down: bool


class PackedLinear(nn.Module):
    """A frozen linear layer with one low-rank update per member: y = φ W x + b + s (B − S)(D x).

    x is [P·n, ..., in], member after member. Members of smaller rank, and members that leave this
    layer alone (`None`), are zero padding: both factors are zero there, so are their gradients.
    """

    target: torch.Tensor | None
    shift: torch.Tensor | None

    def __init__(self, linear: nn.Linear, starts: list[Start | None]) -> None:
        super().__init__()
        self.linear = linear
        members, rank = len(starts), max((s.down.shape[0] for s in starts if s), default=0)
        like: dict[str, Any] = {"dtype": linear.weight.dtype, "device": linear.weight.device}
        down = torch.zeros(members, rank, linear.in_features, **like)
        up, shift, target = (torch.zeros(members, linear.out_features, rank, **like) for _ in range(3))
        for p, start in enumerate(starts):
            if start is not None:
                r = start.down.shape[0]
                down[p, :r], up[p, :, :r] = start.down, start.up
                shift[p, :, :r], target[p, :, :r] = start.shift, start.target
        trains = [s is not None and s.train_down for s in starts]
        self.down = nn.Parameter(down, requires_grad=any(trains))
        self.up = nn.Parameter(up)
        # Only B minus a constant is ever multiplied, so a method whose constant is zero carries none.
        self.register_buffer("target", target if target.any() else None, persistent=False)
        same = self.target is not None and torch.equal(shift, target)
        self.register_buffer("shift", self.target if same else shift if shift.any() else None, persistent=False)
        self.scale = torch.tensor([s.scale if s else 0.0 for s in starts], **like).view(-1, 1, 1)
        self.frozen = torch.tensor([s.frozen if s else 1.0 for s in starts], **like).view(-1, 1, 1)
        self.trains_down = torch.tensor(trains)
        self._keeps_all, self._keeps_none = bool((self.frozen == 1).all()), bool((self.frozen == 0).all())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The adapted product; same shape as the frozen layer's."""
        members = self.up.shape[0]
        rows = x.reshape(members, -1, x.shape[-1])
        up = self.up if self.shift is None else self.up - self.shift
        low = (rows @ self.down.mT) @ (self.scale * up).mT
        if self._keeps_all:
            return self.linear(x) + low.view(*x.shape[:-1], -1)
        if not self._keeps_none:
            low = low + self.frozen * nn.functional.linear(rows, self.linear.weight)
        if self.linear.bias is not None:
            low = low + self.linear.bias
        return low.view(*x.shape[:-1], -1)

    def distance(self) -> torch.Tensor:
        """‖B − B*‖_F of each member, [P]; its gradient at zero is zero."""
        gap = self.up if self.target is None else self.up - self.target
        return torch.linalg.vector_norm(gap, dim=(1, 2))

    @torch.no_grad()
    def merged(self, member: int) -> torch.Tensor:
        """The effective weight of one member (out × in)."""
        up = self.up if self.shift is None else self.up - self.shift
        return self.frozen[member] * self.linear.weight + self.scale[member] * up[member] @ self.down[member]
