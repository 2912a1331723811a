"""Dropout on the inputs of adapters, drawn for each member of a pack from its own seed."""

from __future__ import annotations

import torch


class Dropped:
    """Dropout on what enters one layer's adapters; each member draws for its own rows, from its own seed.

    Of each member: `shares`, the probability of a number to be dropped; `shapes`, its own rows and their
    longest in tokens, so that neither companions nor the padding that they cause change a draw. A member without
    companions draws for all that enters, which may be what its rows share (relative positions).
    """

    def __init__(self, shares: list[float], shapes: list[tuple[int, int]], generators: list[torch.Generator]) -> None:
        self.shares, self.shapes, self.generators = shares, shapes, generators

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """x [P·n, T, in] with each member's share of numbers zero and the rest scaled up to the same mean.

        Nodes of a graph, [P·n, in], are rows of one token.
        """
        kept = torch.ones_like(x).view(len(self.shares), -1, 1 if x.dim() == 2 else x.shape[1], x.shape[-1])
        alone = len(self.shares) == 1
        for p, (share, (rows, longest)) in enumerate(zip(self.shares, self.shapes, strict=True)):
            if share and rows:
                mask = torch.empty_like(kept[p] if alone else kept[p, :rows, :longest])
                mask.bernoulli_(1 - share, generator=self.generators[p])
                kept[p, : len(mask), : mask.shape[1]] = mask / (1 - share)
        return x * kept.view_as(x)
