"""The memory that training one member alone needs, counted on the longest rows of the study."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from study.engine.costs import memory
from study.engine.fit import Fit


def train_bytes(fit: Fit) -> int:
    """Bytes that a pack of one needs: weights, optimizer state, and what a step holds at its worst."""
    return total_bytes(fit, max(memory.most_alive(lambda: rehearse(fit)), frozen_work(fit)))


def rehearse(fit: Fit) -> None:
    """A step on the longest texts of the study that changes nothing, because no member is active."""
    fit.step([_longest(fit)], active=False)


def frozen_work(fit: Fit) -> int:
    """Bytes alive at the worst moment of the frozen work below the lowest adapted block, for the longest rows.

    A training without a cache does that work in each step. It is the same for all members that adapt from that block
    on, so it is measured once a worker.
    """
    configuration, work = fit.courses[0].member.configuration, fit.problem.below(_longest(fit))
    if work is None:
        return 0
    key = ("frozen work", replace(configuration.model, pooling="mean"), configuration.train.batch_size, fit.pack.lowest)
    return fit.bench.once(key, lambda: memory.most_alive(work))


def total_bytes(fit: Fit, step: int) -> int:
    """Bytes of weights and optimizer state, and of `step`, what a step holds at its worst."""
    backbone = fit.pack.backbone
    return memory.train_bytes(
        [*backbone.parameters(), *backbone.buffers()], [tensor for tensor, _ in fit.pack.trained_tensors()], step
    )


def _longest(fit: Fit) -> np.ndarray:
    """The longest rows of the study, as many as a batch holds."""
    return np.argsort(-fit.problem.lengths, kind="stable")[: fit.courses[0].member.configuration.train.batch_size]
