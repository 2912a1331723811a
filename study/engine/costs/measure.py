"""What a configuration costs, measured on one member alone: training memory and the latency of an answer."""

from __future__ import annotations

import torch

from study.config.members import Member
from study.engine.costs.latency import latency
from study.engine.costs.training import train_bytes
from study.engine.costs.work import step_of
from study.engine.fit import Fit
from study.engine.workbench import Workbench
from study.models.linear import matrix


def costs(member: Member, bench: Workbench) -> dict[str, float]:
    """`memory/train_bytes`, `latency/ms` and, where there is one, `spectrum/kept` of a member's configuration.

    Whichever fold it is and whatever pack it trains in, they are measured on a pack of one over the study's longest
    and median texts, once a worker. Ask while nothing is attached.
    """
    return bench.once(("costs", step_of(member.configuration)), lambda: _measure_member(member, bench))


def _measure_member(member: Member, bench: Workbench) -> dict[str, float]:
    """The costs of a pack of one, which is closed again whatever happens."""
    fit = Fit([member], bench)
    try:
        return {"memory/train_bytes": train_bytes(fit), "latency/ms": latency(fit), **kept_of_spectrum(fit)}
    finally:
        fit.pack.close()


@torch.no_grad()
def kept_of_spectrum(fit: Fit) -> dict[str, float]:
    """`spectrum/kept`: of a member whose B starts at a part of W, the share of Σ‖W‖²_F over its layers in that part."""
    layers = [layer for layer in fit.pack.attached.values() if layer.target is not None]
    if not layers:
        return {}
    kept = sum(layer.kept_at_start() for layer in layers)
    whole = sum(float(matrix(layer.linear).double().square().sum()) for layer in layers)
    return {"spectrum/kept": kept / whole}
