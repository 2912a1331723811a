"""The one form that every low-rank method takes in a pack of members."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from study.methods.layers.dropout import Dropped
from study.methods.layers.lowrank import by_member, low_rank_linear
from study.methods.layers.merged import merged_linear
from study.models.linear import bias, matrix


@dataclass(frozen=True)
class Start:
    """Where one member starts at one layer.

    down is A or C (r × in), up is B (out × r), `target` is B* of the distance term, `shift` is
    subtracted from B in the forward product, `scale` multiplies it, `frozen` is the share of W x kept.
    `base` is a constant pair (A₀, B₀) of the same rank whose product is subtracted, where A trains too; `magnitude`
    [out] is the length that trains for each row of the effective weight.
    """

    down: torch.Tensor
    up: torch.Tensor
    shift: torch.Tensor
    target: torch.Tensor
    scale: float
    frozen: float
    train_down: bool
    base: tuple[torch.Tensor, torch.Tensor] | None = None
    magnitude: torch.Tensor | None = None


class PackedLinear(nn.Module):
    """A frozen linear layer with one low-rank update per member: y = φ W x + b + s ((B − S) D − B₀ A₀) x.

    Of a member with lengths m, every row of that matrix is scaled to its length; the norm that it is divided by takes
    no gradient (DoRA: Liu et al. 2024, section 4.3). x is [P·n, ..., in], member after member. Members of smaller
    rank, and members that leave this layer alone (`None`), are zero padding: both factors are zero there, so are
    their gradients. The factors are kept in float32 (or float64) and enter products in the precision of x.
    """

    target: torch.Tensor | None
    shift: torch.Tensor | None
    base_down: torch.Tensor | None
    base_up: torch.Tensor | None
    magnitude: nn.Parameter | None

    def __init__(self, linear: nn.Module, starts: list[Start | None]) -> None:
        super().__init__()
        self.linear = linear
        weight = matrix(linear)
        outputs, inputs = weight.shape
        members, rank = len(starts), max((s.down.shape[0] for s in starts if s), default=0)
        like: dict[str, Any] = {"dtype": trained_dtype(weight), "device": weight.device}
        down = torch.zeros(members, rank, inputs, **like)
        up, shift, target = (torch.zeros(members, outputs, rank, **like) for _ in range(3))
        for p, start in enumerate(starts):
            if start is not None:
                r = start.down.shape[0]
                down[p, :r], up[p, :, :r] = start.down, start.up
                shift[p, :, :r], target[p, :, :r] = start.shift, start.target
        # A member that leaves this layer alone has nothing there to hold still: its zeros stay zeros.
        self.trains_down = torch.tensor([s is None or s.train_down for s in starts], device=weight.device)
        self.down = nn.Parameter(down, requires_grad=any(s is not None and s.train_down for s in starts))
        self.up = nn.Parameter(up)
        # Only B minus a constant is ever multiplied, so a method whose constant is zero carries none.
        self.register_buffer("target", target if target.any() else None, persistent=False)
        same = self.target is not None and torch.equal(shift, target)
        self.register_buffer("shift", self.target if same else shift if shift.any() else None, persistent=False)
        self.scale = torch.tensor([s.scale if s else 0.0 for s in starts], **like).view(-1, 1, 1)
        self.frozen = torch.tensor([s.frozen if s else 1.0 for s in starts], **like).view(-1, 1, 1)
        self._keeps_all, self._keeps_none = bool((self.frozen == 1).all()), bool((self.frozen == 0).all())
        self.dropped: Dropped | None = None
        self.product: torch.Tensor | None = None  # W x + b of the coming x, where it is known
        self._hold_base(starts, like)
        self._hold_lengths(starts, like)

    def _hold_base(self, starts: list[Start | None], like: dict[str, Any]) -> None:
        """The constant pairs, [P, r, in] and [P, out, r], zero for members that have none."""
        down = up = None
        if any(s is not None and s.base is not None for s in starts):
            down, up = torch.zeros_like(self.down, **like), torch.zeros_like(self.up, **like)
            for p, start in enumerate(starts):
                if start is not None and start.base is not None:
                    r = start.base[0].shape[0]
                    down[p, :r], up[p, :, :r] = start.base
        self.register_buffer("base_down", down, persistent=False)
        self.register_buffer("base_up", up, persistent=False)

    def _hold_lengths(self, starts: list[Start | None], like: dict[str, Any]) -> None:
        """The rows' lengths that train, [P, out], and which members have them."""
        self.stretched = torch.tensor(
            [s is not None and s.magnitude is not None for s in starts], device=like["device"]
        )
        self.register_parameter("magnitude", None)
        if bool(self.stretched.any()):
            lengths = torch.ones(self.up.shape[:2], **like)
            for p, start in enumerate(starts):
                if start is not None and start.magnitude is not None:
                    lengths[p] = start.magnitude
            self.magnitude = nn.Parameter(lengths)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The adapted product; same shape as the frozen layer's."""
        down, up = self.factors()
        plain = self._is_plain(x)
        if plain and self._pays_to_merge(x):
            weight = matrix(self.linear) if self._keeps_all else None
            return merged_linear(x, weight, bias(self.linear), down[0], up[0], self.scale[0])
        members = self.up.shape[0]
        if x.shape[0] % members:
            raise ValueError("a layer reads what the rows of all members share: it can be adapted for one member alone")
        factors = down.to(x.dtype), (self.scale * up).to(x.dtype)
        if plain and self._keeps_all:
            return low_rank_linear(x, matrix(self.linear), bias(self.linear), *factors)
        rows = x.reshape(members, -1, x.shape[-1])
        entering = rows if self.dropped is None else self.dropped(x).reshape(rows.shape)
        low = by_member(by_member(entering, factors[0]), factors[1])
        if self.magnitude is not None:
            return self._stretch(low + self.frozen.to(x.dtype) * self._frozen_product(x), down, up).view(
                *x.shape[:-1], -1
            )
        if self._keeps_all:
            whole = self.linear(x) if self.product is None else self.product
            return whole + low.view(*x.shape[:-1], -1)
        if not self._keeps_none:
            low = low + self.frozen.to(x.dtype) * F.linear(rows, matrix(self.linear))
        if (linear_bias := bias(self.linear)) is not None:
            low = low + linear_bias
        return low.view(*x.shape[:-1], -1)

    @property
    def weight(self) -> torch.Tensor:
        """The frozen layer's own weight, at whose precision some models look before they hand in their states."""
        return self.linear.weight  # type: ignore[return-value]

    def factors(self) -> tuple[torch.Tensor, torch.Tensor]:
        """D and B − S of every member, the constant pairs behind them: [P, R, in] and [P, out, R]."""
        up = self.up if self.shift is None else self.up - self.shift
        if self.base_down is None or self.base_up is None:
            return self.down, up
        return torch.cat([self.down, self.base_down], 1), torch.cat([up, -self.base_up], 2)

    def _frozen_product(self, x: torch.Tensor) -> torch.Tensor:
        """W x of every member's rows [P, n, out]."""
        if self.product is None:
            return F.linear(x.reshape(self.up.shape[0], -1, x.shape[-1]), matrix(self.linear))
        linear_bias = bias(self.linear)
        known = self.product if linear_bias is None else self.product - linear_bias
        return known.reshape(self.up.shape[0], -1, known.shape[-1])

    def _stretch(self, rows: torch.Tensor, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        """Rows [P, n, out] of products with the matrices' own rows as those with rows of length m, bias added."""
        assert self.magnitude is not None
        ratios = torch.where(self.stretched[:, None], self.magnitude / self._norms(down, up), 1.0)
        out = rows * ratios.unsqueeze(1).to(rows.dtype)
        linear_bias = bias(self.linear)
        return out if linear_bias is None else out + linear_bias

    @torch.no_grad()
    def _norms(self, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        """‖φ w + s b D‖ of every row of every member's matrix [P, out], from skinny products."""
        weight, scaled = matrix(self.linear).to(up.dtype), self.scale * up
        frozen = self.frozen.squeeze(-1) ** 2 * weight.square().sum(1)
        met = 2 * self.frozen.squeeze(-1) * (scaled * (weight @ down.mT)).sum(-1)
        return (frozen + met + (scaled * (scaled @ (down @ down.mT))).sum(-1)).clamp(min=0).sqrt()

    def _is_plain(self, x: torch.Tensor) -> bool:
        """Whether W x of undropped rows is made here, on a CPU, and nothing but a low-rank product changes it."""
        return self.dropped is None and self.product is None and self.magnitude is None and x.device.type == "cpu"

    def _pays_to_merge(self, x: torch.Tensor) -> bool:
        """Whether one product with W + s (B − S) D is cheaper than three: for many rows of one member."""
        # Making the sum costs in · out for each rank, the products it saves (in + out) for each row and rank.
        outputs, inputs = matrix(self.linear).shape
        many = x.numel() // inputs * (inputs + outputs) > 2 * inputs * outputs
        simple = self._keeps_all or self._keeps_none
        return self.up.shape[0] == 1 and simple and many and x.dtype == self.up.dtype

    def trained_factors(self) -> list[tuple[nn.Parameter, torch.Tensor | None]]:
        """What trains, each with the members [P] that train it, or None where all do."""
        factors = [(self.down, _some(self.trains_down)), (self.up, None)]
        if self.magnitude is not None:
            factors.append((self.magnitude, _some(self.stretched)))
        return [(factor, members) for factor, members in factors if factor.requires_grad]

    def distance(self) -> torch.Tensor:
        """‖B − B*‖_F of each member, [P]; its gradient at zero is zero."""
        gap = self.up if self.target is None else self.up - self.target
        norms: torch.Tensor = torch.linalg.vector_norm(gap, dim=(1, 2))
        return norms

    @torch.no_grad()
    def kept_at_start(self) -> float:
        """‖s B* D‖²_F of the first member: before any step, what the part of W that it starts at holds of ‖W‖²_F."""
        if self.target is None:
            return 0.0
        target, down = self.target[0].double(), self.down[0].double()
        return float((target.mT @ target * (down @ down.mT)).sum() * self.scale[0].double().squeeze() ** 2)

    @torch.no_grad()
    def keep(self, members: list[int]) -> None:
        """Go on with these members alone, in this order."""
        index = torch.tensor(members, device=self.up.device)
        for name in ("down", "up", "magnitude"):
            if (old := getattr(self, name)) is not None:
                setattr(self, name, nn.Parameter(old[index].clone(), requires_grad=old.requires_grad))
        if self.base_down is not None and self.base_up is not None:
            self.base_down, self.base_up = self.base_down[index], self.base_up[index]
        self.stretched = self.stretched[index]
        same = self.shift is self.target
        self.target = None if self.target is None else self.target[index]
        self.shift = self.target if same else None if self.shift is None else self.shift[index]
        self.trains_down = self.trains_down[index]
        self.scale, self.frozen = self.scale[index], self.frozen[index]
        self._keeps_all, self._keeps_none = bool((self.frozen == 1).all()), bool((self.frozen == 0).all())

    @torch.no_grad()
    def effective_weight(self, member: int) -> torch.Tensor:
        """The effective weight of one member (out × in), in the precision of what trains."""
        down, up = self.factors()
        whole = self.frozen[member] * matrix(self.linear) + self.scale[member] * up[member] @ down[member]
        if self.magnitude is not None and bool(self.stretched[member]):
            lengths: torch.Tensor = torch.linalg.vector_norm(whole, dim=1)
            whole = whole * (self.magnitude[member] / lengths).unsqueeze(1)
        return whole


def _some(members: torch.Tensor) -> torch.Tensor | None:
    """Those members, None where they are all."""
    return None if bool(members.all()) else members


def trained_dtype(weight: torch.Tensor) -> torch.dtype:
    """The precision in which what trains beside a frozen weight is kept: never less than float32."""
    return weight.dtype if weight.dtype in (torch.float32, torch.float64) else torch.float32
