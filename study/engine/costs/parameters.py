"""How many numbers a configuration trains, has and stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study import methods
from study.config.members import Member
from study.config.schema import Configuration
from study.core.records import Adaptation
from study.models.backbones import geometry_of
from study.models.geometry import Geometry

if TYPE_CHECKING:
    from study.engine.workbench import Workbench


def parameters(member: Member, bench: Workbench) -> dict[str, float]:
    """What :func:`count_parameters` says of a member, whose model has been loaded."""
    geometry = geometry_of(bench.encoder(member.configuration.model))
    return count_parameters(member.configuration, member.adaptation, geometry, bench.data.examples.outputs)


def count_parameters(
    configuration: Configuration, adaptation: Adaptation, geometry: Geometry, outputs: int
) -> dict[str, float]:
    """Numbers that train, that the adapted model has, and that must be stored, the head's counted apart.

    They are known from the model's shapes alone, before anything trains.
    """
    head = (geometry.hidden + 1) * outputs
    added = 0 if methods.of(configuration).trains_backbone else adaptation.trained
    return {
        "params/trainable": adaptation.trained + head,
        "params/adapter": adaptation.trained,
        "params/head": head,
        "params/total": geometry.parameters + head + added,
        "params/stored": adaptation.stored + head,
    }
