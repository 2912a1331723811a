"""The head alone trains, over the model as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core.records import Adaptation
from study.methods.base import NOTHING, Method

if TYPE_CHECKING:
    from study.config.schema import MethodConfig
    from study.models.geometry import Geometry


class Head(Method):
    """Nothing of the model changes, so that its features are computed once."""

    name = "head"
    effort = 0

    def adapt(self, config: MethodConfig, geometry: Geometry) -> Adaptation:
        return Adaptation({}, lowest=geometry.layers, trained=0, stored=geometry.parameters)

    def leaves(self, config: MethodConfig) -> str:
        return NOTHING


METHOD = Head()
