"""What a configuration costs, measured on one member alone: training memory and the latency of an answer."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch

from study import methods
from study.config.members import Member
from study.config.schema import Configuration, TrainConfig
from study.engine.costs import memory
from study.engine.fit import Fit
from study.engine.workbench import Workbench
from study.models.linear import matrix

LATENCY_RUNS = 10


def costs(member: Member, bench: Workbench) -> dict[str, float]:
    """`memory/train_bytes`, `latency/ms` and, where there is one, `spectrum/kept` of a member's configuration.

    They are the configuration's own: whichever fold it is and whatever pack it trains in, they are measured
    on a pack of one over the study's longest and median texts, once a worker. Ask while nothing is attached.
    """
    return bench.once(("costs", _shape(member.configuration)), lambda: _measured(member, bench))


def _shape(configuration: Configuration) -> Configuration:
    """The configuration without what changes neither shapes nor the kind of work."""
    c, usual = methods.of(configuration).canonical(configuration), TrainConfig()
    train = replace(usual, batch_size=c.train.batch_size, dropout=0.5 if c.train.dropout else 0.0)
    return replace(c, method=replace(c.method, lam=None if c.method.lam is None else 1.0), train=train)


def _measured(member: Member, bench: Workbench) -> dict[str, float]:
    fit = Fit([member], bench)
    try:
        step = max(memory.most_alive(lambda: rehearse(fit)), frozen_work(fit))
        return {"memory/train_bytes": held(fit, step), "latency/ms": latency(fit), **spectrum(fit)}
    finally:
        fit.pack.close()


def rehearse(fit: Fit) -> None:
    """A step on the longest texts of the study that changes nothing, because no member is active."""
    fit.step([_longest(fit)], active=False)


def frozen_work(fit: Fit) -> int:
    """Bytes alive at the worst moment below the lowest adapted block, which a step goes through when it is alone.

    The same for all that adapt from there on, so it is measured once.
    """
    configuration, work = fit.courses[0].member.configuration, fit.problem.below(_longest(fit))
    if work is None:
        return 0
    key = ("frozen work", replace(configuration.model, pooling="mean"), configuration.train.batch_size, fit.pack.lowest)
    return fit.bench.once(key, lambda: memory.most_alive(work))


def _longest(fit: Fit) -> np.ndarray:
    """The longest rows of the study, as many as a batch holds."""
    return np.argsort(-fit.problem.lengths, kind="stable")[: fit.courses[0].member.configuration.train.batch_size]


def held(fit: Fit, step: int) -> int:
    """Bytes that training a pack of one needs: weights, optimizer state, and what a step holds at its worst."""
    backbone = fit.pack.backbone
    return memory.train_bytes(
        [*backbone.parameters(), *backbone.buffers()], [tensor for tensor, _ in fit.pack.trained()], step
    )


def parameters(member: Member, bench: Workbench) -> dict[str, float]:
    """Numbers that train, that the adapted model has, and that must be stored, the head's counted apart."""
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


@torch.no_grad()
def spectrum(fit: Fit) -> dict[str, float]:
    """`spectrum/kept`: of a member whose B starts at a part of W, the share of Σ‖W‖²_F over its layers in that part."""
    layers = [layer for layer in fit.pack.attached.values() if layer.target is not None]
    if not layers:
        return {}
    kept = sum(layer.started() for layer in layers)
    whole = sum(float(matrix(layer.linear).double().square().sum()) for layer in layers)
    return {"spectrum/kept": kept / whole}


@torch.no_grad()
def latency(fit: Fit) -> float:
    """Milliseconds to answer one row of median length, as the model would be deployed: the median of several."""
    lengths = fit.problem.lengths
    row = int(np.argsort(lengths, kind="stable")[len(lengths) // 2])
    times = []
    for _ in range(LATENCY_RUNS + 2):
        begun = time.perf_counter()
        fit.problem.answer(fit.pack, row).cpu()
        times.append(time.perf_counter() - begun)
    return float(np.median(times[2:])) * 1000  # the first two warm caches up
