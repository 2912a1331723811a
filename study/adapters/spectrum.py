"""Truncated singular value decompositions of frozen weights, computed once per weight."""

from __future__ import annotations

import torch


class Spectrum:
    """A cache of W = U Σ Vᵀ by key; a rank is cut from the one full decomposition."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = {}

    def factors(self, key: str, weight: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
        """B₀ = U_r Σ_r (out × r) and C = V_rᵀ (r × in), whose rows are orthonormal.

        The best rank-r approximation of `weight` is B₀ C (Eckart & Young 1936).
        """
        u, s, v = self.decompose(key, weight)
        return u[:, :rank] * s[:rank], v[:rank]

    def decompose(self, key: str, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """U, σ and Vᵀ of the weight, in its own precision (decomposed in float64)."""
        if key not in self._known:
            parts = torch.linalg.svd(weight.detach().double(), full_matrices=False)
            self._known[key] = tuple(p.to(weight.dtype) for p in parts)  # type: ignore[assignment]
        return self._known[key]
