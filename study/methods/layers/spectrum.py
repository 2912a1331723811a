"""Truncated singular value decompositions of frozen weights, computed once per weight and kept on disk."""

from __future__ import annotations

import torch

from study.core.tensor_cache import Recall, forget

KEPT = 128  # leading singular triples that are kept, whatever smaller rank is asked first


class Spectrum:
    """The leading part of W = U Σ Vᵀ by the layer's name; a rank is cut from it."""

    def __init__(self, recall: Recall = forget) -> None:
        self._recall = recall
        self._known: dict[str, torch.Tensor] = {}

    def factors(self, name: str, weight: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
        """B₀ = U_r Σ_r (out × r) and C = V_rᵀ (r × in), whose rows are orthonormal.

        The best rank-r approximation of `weight` is B₀ C (Eckart & Young 1936).
        """
        if name not in self._known or len(self._known[name]) < rank:
            self._known[name] = self._decompose(name, weight, rank)
        rows, outputs = self._known[name][:rank].to(weight), weight.shape[0]
        return rows[:, :outputs].mT.contiguous(), rows[:, outputs:].contiguous()

    def _decompose(self, name: str, weight: torch.Tensor, rank: int) -> torch.Tensor:
        """A row [out + in] for each singular triple: σ u, then v; decomposed in float64."""
        count = min(*weight.shape, max(KEPT, 1 << (rank - 1).bit_length()))
        dtype = torch.float64 if weight.dtype == torch.float64 else torch.float32

        def fill(out: torch.Tensor, part: int) -> None:
            if part == 0:
                u, s, v = torch.linalg.svd(weight.detach().double(), full_matrices=False)
                out.copy_(torch.cat([(u[:, :count] * s[:count]).mT, v[:count]], dim=1))

        return self._recall(("spectrum", name), (count, sum(weight.shape)), dtype, fill)
