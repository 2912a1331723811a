"""LoRA: W + s B A, with A and B trained and B starting at zero (Hu et al. 2021, arXiv 2106.09685)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from study.methods.base import SCALED, LowRank, scale
from study.models import targets

if TYPE_CHECKING:
    import torch

    from study.config.schema import Configuration, MethodConfig
    from study.methods.layers.packed import Start
    from study.methods.layers.spectrum import Spectrum
    from study.models.geometry import Geometry
    from study.models.targets import LinearSite

USUAL_RANK, USUAL_ALPHA = 8, 16.0


class Lora(LowRank):
    """A and B train; B* = 0 is where B starts."""

    name = "lora"
    reads = SCALED

    def start(
        self, config: MethodConfig, site: str, weight: torch.Tensor, rank: int, seed: int, spectrum: Spectrum
    ) -> Start:
        from study.methods.layers.packed import Start

        zero = weight.new_zeros(weight.shape[0], rank)
        return Start(draw_factor(site, weight, rank, seed), zero, zero, zero, scale(config, rank), 1.0, True)

    def count_trained(self, site: LinearSite, rank: int) -> int:
        return rank * (site.inputs + site.outputs)

    def baseline(self, base: Configuration, geometry: Geometry, highest_full_lr: float) -> dict[str, Any]:
        """Rank 8 on queries and values; on every linear layer of a model that has none, or none that are known."""
        sites = geometry.sites
        named = "qv" if any(targets.matches("qv", s) for s in sites) else "all-linear"
        return {
            "method.kind": self.name,
            "method.rank": min(USUAL_RANK, min(s.limit for s in sites if targets.matches(named, s))),
            "method.alpha": USUAL_ALPHA,
            "method.lam": None,
            "method.targets": named,
            "method.layers": "all",
        }

    def baseline_name(self, config: MethodConfig) -> str:
        return f"{self.name} r{config.rank} {config.targets}"


def draw_factor(site: str, weight: torch.Tensor, rank: int, seed: int) -> torch.Tensor:
    """A (r × in) as in the authors' code: Kaiming uniform with a = √5, from the seed and the layer's name alone."""
    import torch

    from study.core import seeding

    # A generator per layer: what a layer draws must not depend on which others are adapted.
    generator = torch.Generator().manual_seed(seeding.derive(seed, site))
    bound = 1 / math.sqrt(weight.shape[1])  # what kaiming_uniform_ with a = √5 comes to
    draw = torch.rand(rank, weight.shape[1], generator=generator, dtype=torch.float64)
    return ((2 * draw - 1) * bound).to(weight)


METHOD = Lora()
