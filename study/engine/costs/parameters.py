"""How many numbers a configuration trains, has and stores."""

from __future__ import annotations

from study import methods
from study.config.members import Member
from study.engine.workbench import Workbench


def parameters(member: Member, bench: Workbench) -> dict[str, float]:
    """``params/...``: how many numbers train, the adapted model has, and must be stored; the head's counted apart."""
    encoder, adaptation = bench.encoder(member.configuration.model), member.adaptation
    head = (encoder.hidden + 1) * bench.data.examples.outputs
    added = 0 if methods.of(member.configuration).trains_backbone else adaptation.trained
    return {
        "params/trainable": adaptation.trained + head,
        "params/adapter": adaptation.trained,
        "params/head": head,
        "params/total": encoder.parameters + head + added,
        "params/stored": adaptation.stored + head,
    }
