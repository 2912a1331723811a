"""AdamW over a pack: every member has its own learning rate, decay, clipping and schedule."""

from __future__ import annotations

import torch


class PackedAdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) on tensors whose first axis is the member.

    In a pack of one a tensor may also lack that axis. A member's update equals that of
    torch.optim.AdamW with its own settings.
    """

    def __init__(
        self,
        params: list[torch.Tensor],
        weight_decay: torch.Tensor,
        clip: torch.Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.params, self.members = params, len(clip)
        self.weight_decay, self.clip, self.betas, self.eps = weight_decay, clip, betas, eps
        self.first = [torch.zeros_like(p) for p in params]
        self.second = [torch.zeros_like(p) for p in params]
        self.steps = torch.zeros_like(clip)

    def _per_member(self, values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        return values.to(like).view(-1, *[1] * (like.dim() - 1))

    def norms(self) -> torch.Tensor:
        """The gradient norm of each member, [P]."""
        squares = [p.grad.reshape(self.members, -1).square().sum(1) for p in self.params if p.grad is not None]
        return torch.stack(squares).sum(0).sqrt()

    @torch.no_grad()
    def step(self, lr: torch.Tensor, active: torch.Tensor) -> None:
        """One update with learning rates `lr` [P]; members where `active` [P] is false stay as they are."""
        shrink = (self.clip / (self.norms().to(self.clip) + 1e-6)).clamp(max=1.0)
        self.steps += active
        b1, b2 = self.betas
        fix1, fix2 = 1 - b1**self.steps, (1 - b2**self.steps).sqrt()
        # A member that has not stepped yet would divide by zero; it is masked below.
        rate = torch.where(active, lr / fix1.clamp(min=1e-12), 0.0)
        decay = torch.where(active, 1 - lr * self.weight_decay, 1.0)
        for p, m, v in zip(self.params, self.first, self.second, strict=True):
            if p.grad is None:
                continue
            on = self._per_member(active.to(lr), p)
            grad = p.grad * self._per_member(shrink, p)
            m.lerp_(grad, on * (1 - b1))
            v.lerp_(grad.square(), on * (1 - b2))
            denominator = v.sqrt().div_(self._per_member(fix2.clamp(min=1e-12), p)).add_(self.eps)
            p.mul_(self._per_member(decay, p)).addcdiv_(m * self._per_member(rate, p), denominator, value=-1)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in self.params:
            p.grad = None


def schedule(step: int, total: int, warmup: float) -> float:
    """The share of the learning rate at `step` (from 0): linear warm-up, then linear decay to zero."""
    rise = max(1, round(warmup * total))
    return (step + 1) / rise if step < rise else max(0.0, (total - step) / max(1, total - rise))
