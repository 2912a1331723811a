"""What a configuration costs, measured on one member alone: training memory and the latency of an answer."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from study.adapters import surgery
from study.config import Configuration, TrainConfig
from study.engine import memory
from study.engine.fit import Fit
from study.engine.workbench import Workbench
from study.records import Member

LATENCY_RUNS = 20


def costs(member: Member, bench: Workbench) -> dict[str, float]:
    """Parameters, `memory/train_bytes` and `latency/ms` of a member's configuration.

    They are the configuration's own: whichever fold it is and whatever pack it trains in, they are measured
    on a pack of one over the study's longest and median texts, once a worker. Ask while nothing is attached.
    """
    return bench.once(("costs", _shape(member.configuration)), lambda: _measured(member, bench))


def _shape(configuration: Configuration) -> Configuration:
    """The configuration without what changes neither shapes nor the kind of work."""
    c, settled = configuration.canonical(), TrainConfig()
    train = replace(settled, batch_size=c.train.batch_size, dropout=0.5 if c.train.dropout else 0.0)
    return replace(c, method=replace(c.method, lam=None if c.method.lam is None else 1.0), train=train)


def _measured(member: Member, bench: Workbench) -> dict[str, float]:
    fit = Fit([member], bench, cached=False)
    try:
        step = memory.most_alive(lambda: rehearse(fit))
        return {**parameters(fit), "memory/train_bytes": held(fit, step), "latency/ms": latency(fit)}
    finally:
        fit.pack.close()


def rehearse(fit: Fit) -> None:
    """A whole step on the longest texts of the study that changes nothing, because no member is active."""
    size = fit.courses[0].member.configuration.train.batch_size
    longest = np.argsort(-fit.inputs.tokens.lengths, kind="stable")[:size]
    fit.step([longest], active=False)


def held(fit: Fit, step: int) -> int:
    """Bytes that training a pack of one needs: weights, optimizer state, and what a step holds at its worst."""
    backbone = fit.pack.backbone
    return memory.train_bytes([*backbone.parameters(), *backbone.buffers()], [tensor for tensor, _ in fit.pack.trained()], step)


def parameters(fit: Fit) -> dict[str, float]:
    """Numbers that train, that the adapted model has, and that must be stored, the head's counted apart."""
    method, sites = fit.courses[0].member.configuration.method, fit.encoder.sites
    total = fit.encoder.parameters
    head = fit.pack.head[0].numel() + fit.pack.bias[0].numel()
    adapter = total if method.kind == "full" else surgery.adapter_parameters(method, sites)
    return {
        "params/trainable": adapter + head,
        "params/adapter": adapter,
        "params/head": head,
        "params/total": total + head + (0 if method.kind == "full" else adapter),
        "params/stored": surgery.stored_parameters(method, sites, total) + head,
    }


@torch.no_grad()
def latency(fit: Fit) -> float:
    """Milliseconds to answer one text of median length, as the model would be deployed: the median of several."""
    lengths = fit.inputs.tokens.lengths
    row = np.argsort(lengths, kind="stable")[len(lengths) // 2][None, None]
    times = []
    for _ in range(LATENCY_RUNS + 2):
        begun = time.perf_counter()
        fit._logits(row, "deployed").cpu()
        times.append(time.perf_counter() - begun)
    return float(np.median(times[2:])) * 1000  # the first two warm caches up
