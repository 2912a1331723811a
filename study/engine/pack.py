"""A pack: several members over one frozen backbone, in one forward and backward pass."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import torch
from torch.nn import functional as F

from study import seeding
from study.adapters import surgery
from study.adapters.spectrum import Spectrum
from study.config import ModelConfig
from study.engine import prefix
from study.models import Encoder
from study.records import Member


class Pack:
    """The trainable state of P members; the member axis of the host model lies inside its batch axis.

    Guarantees: a member's result does not depend on its companions; the backbone is as before after
    :meth:`close`, bit by bit. `full` trains a copy of the backbone and fits a pack of one only.
    """

    def __init__(
        self, encoder: Encoder, members: list[Member], classes: int, spectrum: Spectrum, device: torch.device
    ) -> None:
        self.members, self.size, self.device = members, len(members), device
        methods = [m.configuration.method for m in members]
        self.full = any(m.kind == "full" for m in methods)
        if self.full and self.size > 1:
            raise ValueError("method.kind=full trains the backbone itself and fits a pack of one only")
        self.backbone = copy.deepcopy(encoder.backbone) if self.full else encoder.backbone
        if self.full:
            self.backbone.requires_grad_(True)
        starts = [
            surgery.starts_of(m.configuration.method, encoder.sites, self.backbone, m.seed, spectrum) for m in members
        ]
        self.attached = surgery.attach(self.backbone, starts)
        sites = {s.name: s.layer for s in encoder.sites}
        # The blocks below this one never change; a pack that adapts nothing has the whole backbone below it.
        self.lowest = 0 if self.full else min((sites[n] for n in self.attached), default=encoder.layers)
        self.model: ModelConfig = members[0].configuration.model
        like = next(self.backbone.parameters())
        self.head = torch.stack([_draw_head(classes, encoder.hidden, m.seed) for m in members])
        self.head = self.head.to(like).requires_grad_()
        self.bias = torch.zeros(self.size, classes).to(like).requires_grad_()
        lams = [m.lam for m in methods]
        self.lam = torch.tensor([1.0 if x is None else x for x in lams]).to(like)
        self.pull = torch.tensor([0.0 if x is None else 1.0 for x in lams]).to(like)
        self.regularised = any(x is not None for x in lams)

    def adapter(self) -> list[torch.Tensor]:
        """The trained tensors of the adapters (or of the backbone), in a fixed order."""
        if self.full:
            return [p for p in self.backbone.parameters() if p.requires_grad]
        factors = [p for packed in self.attached.values() for p in (packed.down, packed.up)]
        return [p for p in factors if p.requires_grad]

    def trained(self) -> list[torch.Tensor]:
        """Every trained tensor, the heads included."""
        return [*self.adapter(), self.head, self.bias]

    def features(self, ids: torch.Tensor, mask: torch.Tensor, entering: torch.Tensor | None = None) -> torch.Tensor:
        """Pooled features [P·n, hidden] of token ids [P·n, T], member after member.

        `entering` are the hidden states that enter the lowest adapted block, where they are known.
        """
        skip = nullcontext() if entering is None else prefix.resumed(self.backbone, self.lowest, entering)
        with skip:
            hidden = self.backbone(input_ids=ids, attention_mask=mask).last_hidden_state
        return pool(hidden, mask, self.model.pooling)

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [P, n, classes] of features [P·n, hidden]."""
        rows = features.view(self.size, -1, features.shape[-1])
        return torch.baddbmm(self.bias.unsqueeze(1), rows, self.head.mT)

    def task_loss(self, logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """L1 of each member, [P]: the mean cross entropy over its rows of weight one."""
        each = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view_as(weights)
        return (each * weights).sum(1) / weights.sum(1).clamp(min=1)

    def distance(self) -> torch.Tensor:
        """L2 of each member, [P]: Σ over adapted layers of ‖B − B*‖_F."""
        if not self.attached:
            return torch.zeros(self.size, device=self.device)
        return torch.stack([packed.distance() for packed in self.attached.values()]).sum(0)

    def objective(self, task: torch.Tensor) -> torch.Tensor:
        """Σ over members of λ·L1 + L2, or L1 alone where λ is null; members do not meet in it."""
        if not self.regularised:
            return task.sum()
        return (self.lam * task + self.pull * self.distance()).sum()

    def hold_frozen(self) -> None:
        """Drop the gradient of factors that a member of the pack holds frozen (C)."""
        for packed in self.attached.values():
            if packed.down.grad is not None and not bool(packed.trains_down.all()):
                packed.down.grad *= packed.trains_down.to(packed.down).view(-1, 1, 1)

    def close(self) -> None:
        """Put the backbone's own layers back."""
        surgery.detach(self.backbone, self.attached)


def pool(hidden: torch.Tensor, mask: torch.Tensor, how: str) -> torch.Tensor:
    """One vector a text [n, hidden]: the first token's, or the mean over its tokens."""
    if how == "cls":
        return hidden[:, 0]
    weights = mask.unsqueeze(-1).to(hidden)
    return (hidden * weights).sum(1) / weights.sum(1)


def _draw_head(classes: int, hidden: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seeding.derive(seed, "head"))
    return torch.randn(classes, hidden, generator=generator, dtype=torch.float64) * 0.02
