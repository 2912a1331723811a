"""AdamW over a pack: every member has a learning rate, a decay and a clipping bound of its own."""

from __future__ import annotations

import torch


class PackedAdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101) on tensors whose first axis is the member.

    In a pack of one a tensor may also lack that axis. A member's update equals that of
    torch.optim.AdamW with its own settings. Beside a tensor stand the members [P] that train it, None
    for all; to the others it stays as it is.
    """

    def __init__(
        self,
        params: list[tuple[torch.Tensor, torch.Tensor | None]],
        weight_decay: torch.Tensor,
        clip: torch.Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.params, self.members = params, len(clip)
        self.weight_decay, self.clip, self.betas, self.eps = weight_decay, clip, betas, eps
        self.first = [torch.zeros_like(p) for p, _ in params]
        self.second = [torch.zeros_like(p) for p, _ in params]
        self.steps = torch.zeros_like(clip)

    def _per_member(self, values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Values [P] in the shape that multiplies a tensor such as `like`, member by member."""
        return values.to(like).view(-1, *[1] * (like.dim() - 1))

    def norms(self) -> torch.Tensor:
        """The gradient norm of each member, [P]."""
        parts = [
            torch.linalg.vector_norm(p.grad.reshape(self.members, -1), dim=1)
            for p, _ in self.params
            if p.grad is not None
        ]
        norms: torch.Tensor = torch.linalg.vector_norm(torch.stack(parts), dim=0)
        return norms

    @torch.no_grad()
    def step(self, lr: torch.Tensor, active: torch.Tensor) -> None:
        """One update with learning rates `lr` [P]; members where `active` [P] is false stay as they are.

        The gradients are used up: their memory holds what the update needs on the way, since for `full`
        another copy of the model would cost more time than the arithmetic.
        """
        for p, trains in self.params:
            if trains is not None and p.grad is not None:
                p.grad.mul_(self._per_member(trains, p))
        shrink = (self.clip / (self.norms().to(self.clip) + 1e-6)).clamp(max=1.0)
        self.steps += active
        b1, b2 = self.betas
        fix1, fix2 = 1 - b1**self.steps, (1 - b2**self.steps).sqrt()
        # A member that has not stepped yet would divide by zero; it is masked below.
        fix2 = fix2.clamp(min=1e-12)
        rate = torch.where(active, lr * fix2 / fix1.clamp(min=1e-12), 0.0)
        decay = torch.where(active, 1 - lr * self.weight_decay, 1.0)
        for (p, trains), m, v in zip(self.params, self.first, self.second, strict=True):
            if p.grad is None:
                continue
            on = self._per_member(active.to(lr), p)
            grad = p.grad.mul_(self._per_member(shrink, p))
            m.lerp_(grad, on * (1 - b1))
            v.lerp_(grad.square_(), on * (1 - b2))
            # m̂ / (√v̂ + ε) with both corrections multiplied through, so that they fall on the rate and on ε
            update = torch.sqrt(v, out=grad).add_(self._per_member(self.eps * fix2, p))
            torch.div(m, update, out=update).mul_(self._per_member(rate, p))
            fades = decay if trains is None else torch.where(trains, decay, 1.0)
            p.mul_(self._per_member(fades, p)).sub_(update)

    def keep(self, params: list[tuple[torch.Tensor, torch.Tensor | None]], members: list[int]) -> None:
        """Go on with these members alone; `params` are the tensors that stand for them now."""
        index = torch.tensor(members, device=self.clip.device)
        self.first, self.second = ([t[index] for t in moments] for moments in (self.first, self.second))
        self.params, self.members = params, len(members)
        self.weight_decay, self.clip, self.steps = (t[index] for t in (self.weight_decay, self.clip, self.steps))

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p, _ in self.params:
            p.grad = None
