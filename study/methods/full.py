"""Full fine-tuning: every weight of the model trains, in a copy of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from study.core.records import Adaptation
from study.methods.base import WEIGHTS, Method

if TYPE_CHECKING:
    from study.config.schema import Configuration, MethodConfig
    from study.models.geometry import Geometry


class Full(Method):
    """W itself trains; nothing below it is frozen, so that it has no prefix and trains alone."""

    name = "full"
    trains_backbone = True
    effort = 3

    def adapt(self, config: MethodConfig, geometry: Geometry) -> Adaptation:
        return Adaptation({}, 0, geometry.parameters, geometry.parameters, packs=False)

    def leaves(self, config: MethodConfig) -> str:
        return WEIGHTS

    def baseline(self, base: Configuration, geometry: Geometry, highest_full_lr: float) -> dict[str, Any]:
        """A learning rate that suits adapters destroys a pretrained model: it is bounded."""
        return {"method.kind": self.name, "train.lr": min(base.train.lr, highest_full_lr)}


METHOD = Full()
