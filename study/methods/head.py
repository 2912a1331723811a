"""The head alone trains, over the model as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.methods.base import NOTHING, Method
from study.records import Adaptation

if TYPE_CHECKING:
    from study.config import MethodConfig
    from study.models.backbones import Geometry


class Head(Method):
    """Nothing of the model changes, so that its features are computed once."""

    name = "head"
    effort = 0

    def adapt(self, config: MethodConfig, geometry: Geometry) -> Adaptation:
        return Adaptation({}, lowest=geometry.layers, trained=0, stored=geometry.parameters)

    def leaves(self, config: MethodConfig) -> str:
        return NOTHING


METHOD = Head()
