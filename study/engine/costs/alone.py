"""What a configuration costs where nothing else of the study's runs: training time, latency and memory."""

from __future__ import annotations

import numpy as np

from study.config.members import Member
from study.core.figures import SPREAD
from study.engine.batches import training_batches
from study.engine.costs import memory
from study.engine.costs.clock import time_of
from study.engine.costs.latency import latency
from study.engine.costs.others import Others
from study.engine.costs.training import rehearse
from study.engine.fit import Fit
from study.engine.workbench import Workbench

LEAST, MOST = 3, 9  # repeats
BATCHES, ANSWERS = 32, 3  # at most so many steps, and so many answers, that a repeat takes the time of


def costs_alone(member: Member, bench: Workbench, folds: int, seconds: float) -> dict[str, float]:
    """The figures ``alone/…`` of a member's configuration: medians of repeats with their interquartile ranges.

    It is repeated for that many seconds, at least 3 times and at most 9. The training time is that of the bench's first
    `folds` folds, reckoned from steps that change nothing; as in ``time/train_seconds``, scoring and what is computed
    once for all are no part of it. The peak of memory is that of a step on the study's longest texts. Ask while nothing
    is attached.
    """
    fit = Fit([member], bench)
    try:
        memory.reset_peak(fit.device)
        rehearse(fit)
        peak = memory.peak_bytes(fit.device)
        observed = {} if peak is None else {"alone/peak_bytes": float(peak)}
        return {**observed, **_repeat(fit, folds, seconds)}
    finally:
        fit.pack.close()


def _repeat(fit: Fit, folds: int, seconds: float) -> dict[str, float]:
    """Medians and ranges of what repeats measure, and how much other programs did meanwhile."""
    latency(fit, 1)  # what comes first warms up
    step = time_of(lambda: _step_through(fit, sample_batches(fit, 1)), fit.device)
    affordable = int(seconds / (LEAST * max(step, 1e-9)))
    batches, (steps, tokens) = sample_batches(fit, min(BATCHES, max(1, affordable))), amount_of_work(fit, folds)
    rows: list[tuple[float, float, float]] = []
    others, spent = Others(), 0.0
    while len(rows) < LEAST or (len(rows) < MOST and spent < seconds):
        taken = time_of(lambda: _step_through(fit, batches), fit.device)
        milliseconds = latency(fit, ANSWERS, 0)
        whole = taken / len(batches) * steps
        rows.append((whole, tokens / max(whole, 1e-9), milliseconds))
        spent += taken + ANSWERS * milliseconds / 1000
    names = ("alone/train_seconds", "alone/tokens_per_second", "alone/latency_ms")
    low, middle, high = np.percentile(rows, (25, 50, 75), axis=0)
    share = others.share()
    return {
        **dict(zip(names, map(float, middle), strict=True)),
        **{f"{name}{SPREAD}": float(x) for name, x in zip(names, high - low, strict=True)},
        **({} if share is None else {"alone/others": share}),
    }


def _step_through(fit: Fit, batches: list[np.ndarray]) -> None:
    for batch in batches:
        fit.step([batch], active=False)


def sample_batches(fit: Fit, count: int) -> list[np.ndarray]:
    """Batches of the member's first epoch that stand for all: one of usual length, or from short to long texts."""
    course = fit.courses[0]
    lengths, size = fit.problem.lengths[course.rows], course.member.configuration.train.batch_size
    batches = sorted(training_batches(lengths, size, course.member.seed, 0), key=lambda b: int(lengths[b].sum()))
    count = min(count, len(batches))
    return [course.rows[batches[(2 * i + 1) * len(batches) // (2 * count)]] for i in range(count)]


def amount_of_work(fit: Fit, folds: int) -> tuple[int, int]:
    """Steps and tokens of the configuration's training on the first `folds` folds of the bench."""
    train = fit.courses[0].member.configuration.train
    rows = [fit.problem.rows(fold.train) for fold in fit.bench.data.folds[:folds]]
    steps = sum(-(-len(each) // train.batch_size) for each in rows)
    tokens = sum(int(fit.problem.lengths[each].sum()) for each in rows)
    return train.epochs * steps, train.epochs * tokens
