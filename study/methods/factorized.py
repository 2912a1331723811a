"""The factorization W ≈ B C with C frozen and B trained, held near B₀ by the distance term."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.methods.base import THIN, UPDATE, LowRank

if TYPE_CHECKING:
    import torch

    from study.config.schema import MethodConfig
    from study.methods.layers.packed import Start
    from study.methods.layers.spectrum import Spectrum
    from study.models.targets import LinearSite


class Factorized(LowRank):
    """B trains from B₀ = U_r Σ_r; C = V_rᵀ is frozen.

    `residual: keep` adds W − B₀ C and so starts exactly at W; `drop` leaves B C alone, r (in + out) numbers.
    """

    name = "factorized"
    reads = (*LowRank.reads, "residual")

    def start(
        self, config: MethodConfig, site: str, weight: torch.Tensor, rank: int, seed: int, spectrum: Spectrum
    ) -> Start:
        from study.methods.layers.packed import Start

        b0, c = spectrum.factors(site, weight, rank)
        keep = config.residual == "keep"
        # W − B₀C + BC is computed as W + (B − B₀)C: at B = B₀ it is W to the last bit.
        return Start(c, b0, b0 if keep else b0.new_zeros(b0.shape), b0, 1.0, 1.0 if keep else 0.0, False)

    def count_trained(self, site: LinearSite, rank: int) -> int:
        return rank * site.outputs

    def count_stored(self, config: MethodConfig, site: LinearSite, rank: int) -> int:
        """`keep` stores B beside W, of which C is made again; `drop` stores B and C instead of W."""
        if config.residual == "keep":
            return self.count_trained(site, rank)
        return rank * (site.inputs + site.outputs) - site.inputs * site.outputs

    def leaves(self, config: MethodConfig) -> str:
        return UPDATE if config.residual == "keep" else THIN

    def _parts(self, config: MethodConfig) -> list[str]:
        return [*super()._parts(config), *(["drop"] if config.residual == "drop" else [])]


METHOD = Factorized()
