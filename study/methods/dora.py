"""DoRA: LoRA's matrix gives directions, and a length for each row trains beside (Liu et al. 2024, arXiv 2402.09353)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from study.methods.lora import Lora

if TYPE_CHECKING:
    import torch

    from study.config.schema import MethodConfig
    from study.methods.layers.packed import Start
    from study.methods.layers.spectrum import Spectrum
    from study.models.targets import LinearSite


class Dora(Lora):
    """m ⊙ (W + s B A) / ‖W + s B A‖ for each row, with m = ‖W‖ at first; the norm takes no gradient (section 4.3)."""

    name = "dora"

    def start(
        self, config: MethodConfig, site: str, weight: torch.Tensor, rank: int, seed: int, spectrum: Spectrum
    ) -> Start:
        from study.methods.layers.packed import trained_dtype

        lengths = weight.to(trained_dtype(weight)).square().sum(1).sqrt()
        return replace(super().start(config, site, weight, rank, seed, spectrum), magnitude=lengths)

    def count_trained(self, site: LinearSite, rank: int) -> int:
        return super().count_trained(site, rank) + site.outputs


METHOD = Dora()
