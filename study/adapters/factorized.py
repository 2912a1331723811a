"""The factorization W ≈ B C with C frozen and B trained, held near B₀ by the distance term."""

from __future__ import annotations

import torch

from study.adapters.factors import Start
from study.adapters.spectrum import Spectrum


def start(name: str, weight: torch.Tensor, rank: int, residual: str, spectrum: Spectrum) -> Start:
    """B₀ = U_r Σ_r and C = V_rᵀ of W (out × in); `keep` adds the residual W − B₀ C and so starts exactly at W."""
    b0, c = spectrum.factors(name, weight, rank)
    keep = residual == "keep"
    # W − B₀C + BC is computed as W + (B − B₀)C: at B = B₀ it is W to the last bit.
    return Start(c, b0, b0 if keep else b0.new_zeros(b0.shape), b0, 1.0, 1.0 if keep else 0.0, False)
