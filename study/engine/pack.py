"""A pack: several members over one frozen backbone, in one forward and backward pass."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from study import methods
from study.config.members import Member
from study.core import seeding
from study.core.errors import ConfigError
from study.engine.objective import Objective
from study.engine.pooling import Reader
from study.methods.layers import surgery
from study.methods.layers.dropout import Dropped
from study.methods.layers.packed import trained_dtype
from study.methods.layers.spectrum import Spectrum
from study.models.encoders import Encoder


class Pack:
    """The trainable state of P members; the member axis of the host model lies inside its batch axis.

    Guarantees: a member's result does not depend on its companions, nor on when they leave; the backbone
    is as before after :meth:`close`, bit by bit. `full` trains a copy of the backbone and fits a pack of
    one only.
    """

    def __init__(
        self, encoder: Encoder, members: list[Member], outputs: int, spectrum: Spectrum, device: torch.device
    ) -> None:
        self.members, self.device = list(members), device
        self.full = any(methods.of(m.configuration).trains_backbone for m in members)
        if self.full and len(members) > 1:
            raise ValueError("what trains the backbone itself fits a pack of one only")
        like = next(encoder.backbone.parameters())
        dtype = trained_dtype(like)
        self.backbone = copy.deepcopy(encoder.backbone).to(dtype) if self.full else encoder.backbone
        if self.full:
            self.backbone.requires_grad_(True)
        starts = [
            methods.of(m.configuration).starts(
                m.configuration.method, m.adaptation.ranks, self.backbone, m.seed, spectrum
            )
            for m in members
        ]
        for member in members:
            if not (member.adaptation.trained or outputs):
                rule = "leaves every layer alone, and a model that writes has no new head: nothing would train"
                raise ConfigError(f"method.rank={member.configuration.method.rank}", rule, "raise a rank above 0")
        self.adapts = [set(start) for start in starts]
        # The blocks below this one never change; a pack that adapts nothing has the whole backbone below it.
        self.lowest = min(m.adaptation.lowest for m in members)
        self.head = torch.stack([_draw_head(outputs, encoder.hidden, m.seed) for m in members])
        self.head = self.head.to(device, dtype).requires_grad_()
        self.bias = torch.zeros(self.size, outputs, device=device, dtype=dtype).requires_grad_()
        self.objective = Objective(self.members, device, dtype)
        self.attached = surgery.attach(self.backbone, starts)  # last: what fails before has changed nothing

    @property
    def size(self) -> int:
        """Members that are still in the pack."""
        return len(self.members)

    def trained_tensors(self) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
        """Every trained tensor, the heads included, each with the members [P] that train it, or None for all."""
        if self.full:
            adapted: list[tuple[torch.Tensor, torch.Tensor | None]] = [(p, None) for p in self.backbone.parameters()]
        else:
            adapted = [factor for packed in self.attached.values() for factor in packed.trained_factors()]
        return [*adapted, (self.head, None), (self.bias, None)]

    def features(self, ids: torch.Tensor, attended: torch.Tensor, read: Reader) -> torch.Tensor:
        """The vectors [P·n, ..., hidden] that heads read of token ids [P·n, T]; `attended` is the model's mask."""
        return read(self.backbone(input_ids=ids, attention_mask=attended))

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [P, n, ..., outputs] of features [P·n, ..., hidden], member after member."""
        rows = features.reshape(self.size, -1, features.shape[-1]).to(self.head.dtype)
        logits = torch.baddbmm(self.bias.unsqueeze(1), rows, self.head.mT)
        return logits.view(self.size, -1, *features.shape[1:-1], logits.shape[-1])

    def distance(self) -> torch.Tensor:
        """L2 of each member, [P]: Σ over adapted layers of ‖B − B*‖_F."""
        if not self.attached:
            return torch.zeros(self.size, device=self.device)
        return torch.stack([packed.distance() for packed in self.attached.values()]).sum(0)

    @contextmanager
    def drop_inputs(self, steps: list[int], row: int, shapes: list[tuple[int, int]]) -> Iterator[None]:
        """While open, adapters drop inputs, each member's by the share of its `train.dropout`.

        What is dropped is drawn from the member's seed, its step, the layer and `row`, the place in the batch of the
        portion's first row. `shapes` are each member's rows and their longest, as :class:`Dropped` takes them.
        """
        shares = [m.configuration.train.dropout for m in self.members]
        if not any(shares):
            yield
            return
        for name, packed in self.attached.items():
            by_member = [share if name in adapts else 0.0 for share, adapts in zip(shares, self.adapts, strict=True)]
            seeds = [seeding.derive(m.seed, "dropout", name, s, row) for m, s in zip(self.members, steps, strict=True)]
            packed.dropped = Dropped(by_member, shapes, [torch.Generator(self.device).manual_seed(s) for s in seeds])
        try:
            yield
        finally:
            for packed in self.attached.values():
                packed.dropped = None

    @torch.no_grad()
    def keep(self, members: list[int]) -> None:
        """Go on with the members at these places alone; the others' state is gone."""
        index = torch.tensor(members, device=self.device)
        for packed in self.attached.values():
            packed.keep(members)
        self.head, self.bias = (t[index].clone().requires_grad_() for t in (self.head, self.bias))
        self.objective.keep(members)
        self.members, self.adapts = [self.members[i] for i in members], [self.adapts[i] for i in members]

    def close(self) -> None:
        """Put the backbone's own layers back."""
        surgery.detach(self.backbone, self.attached)


def _draw_head(outputs: int, hidden: int, seed: int) -> torch.Tensor:
    """A new head's weight [outputs, hidden], from the member's seed alone."""
    generator = torch.Generator().manual_seed(seeding.derive(seed, "head"))
    return torch.randn(outputs, hidden, generator=generator, dtype=torch.float64) * 0.02
