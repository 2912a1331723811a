"""PiSSA: both factors start at the top singular part of W, the rest frozen (Meng et al. 2024, arXiv 2404.02948)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.methods.base import SCALED, LowRank, scale

if TYPE_CHECKING:
    import torch

    from study.config.schema import MethodConfig
    from study.methods.layers.packed import Start
    from study.methods.layers.spectrum import Spectrum
    from study.models.targets import LinearSite

TINY = 1e-15  # the root of a singular value below which its direction is left at zero


class Pissa(LowRank):
    """W − s B₀ A₀ + s B A with s B₀ A₀ = U_r Σ_r V_rᵀ, its Σ_r shared between the two; B* = B₀."""

    name = "pissa"
    reads = SCALED

    def start(
        self, config: MethodConfig, site: str, weight: torch.Tensor, rank: int, seed: int, spectrum: Spectrum
    ) -> Start:
        from study.methods.layers.packed import Start

        left, right = spectrum.factors(site, weight, rank)  # U_r Σ_r and V_rᵀ
        s = scale(config, rank)
        roots = (left.norm(dim=0) / s).sqrt().clamp(min=TINY)
        up, down = left / (s * roots), roots.unsqueeze(1) * right
        return Start(down, up, up.new_zeros(up.shape), up, s, 1.0, True, base=(down, up))

    def count_trained(self, site: LinearSite, rank: int) -> int:
        return rank * (site.inputs + site.outputs)


METHOD = Pissa()
