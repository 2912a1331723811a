"""LoRA-FA: as LoRA with A frozen as drawn, so that B alone trains (Zhang et al. 2023, arXiv 2308.03303).

The control for a factorization whose frozen factor is not drawn but taken from W.
"""

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


class LoraFa(Lora):
    """B trains over the A that LoRA draws."""

    name = "lora_fa"

    def start(
        self, config: MethodConfig, site: str, weight: torch.Tensor, rank: int, seed: int, spectrum: Spectrum
    ) -> Start:
        return replace(super().start(config, site, weight, rank, seed, spectrum), train_down=False)

    def count_trained(self, site: LinearSite, rank: int) -> int:
        return rank * site.outputs


METHOD = LoraFa()
