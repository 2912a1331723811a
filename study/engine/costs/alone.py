"""What a configuration costs where nothing else of the study's runs: training time, latency and memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.config.members import Member
from study.core.alone import AloneCosts
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


def costs_alone(members: Sequence[Member], bench: Workbench, folds: int, seconds: float) -> list[AloneCosts]:
    """The figures ``alone/…`` of each member's configuration: medians of repeats with their interquartile ranges.

    They are repeated in turn, once a round and in the other order in every second one, so that a machine that slows
    down slows all of them down. Each is repeated for that many seconds, at least 3 times and at most 9. The training
    time is that of the bench's first `folds` folds, reckoned from steps that change nothing; as in
    ``time/train_seconds``, scoring and what is computed once for all are no part of it. The peak of memory is that of a
    step on the study's longest texts. Ask while nothing is attached. What cannot be measured brings its error.
    """
    each, others = [RepeatedCosts(member, bench, folds, seconds) for member in members], Others()
    forwards = True
    while turn := [repeats for repeats in each if repeats.go_on]:
        for repeats in turn if forwards else reversed(turn):
            repeats.add()
        forwards = not forwards
    share = others.share()
    return [repeats.costs(share) for repeats in each]


class RepeatedCosts:
    """What repeats measure of a configuration; the bench is between two of them as it was before."""

    def __init__(self, member: Member, bench: Workbench, folds: int, seconds: float) -> None:
        self.member, self.bench, self.folds, self.seconds = member, bench, folds, seconds
        self.rows: list[tuple[float, float, float]] = []
        self.spent, self.batches, self.error = 0.0, 0, ""
        self.peak: int | None = None

    @property
    def go_on(self) -> bool:
        """Whether there is to be another one."""
        return not self.error and (len(self.rows) < LEAST or (len(self.rows) < MOST and self.spent < self.seconds))

    def add(self) -> None:
        """One more."""
        try:
            fit = Fit([self.member], self.bench)
            try:
                if not self.batches:
                    self._prepare(fit)
                self.rows.append(self._measure(fit))
            finally:
                fit.pack.close()
        except Exception as error:  # noqa: BLE001 -- the error is what is known of its costs
            self.error = f"{type(error).__name__}: {error}"

    def _prepare(self, fit: Fit) -> None:
        """Take the peak of memory, and decide on how many batches a repeat takes."""
        memory.reset_peak(fit.device)
        rehearse(fit)
        self.peak = memory.peak_bytes(fit.device)
        latency(fit, 1)  # what comes first warms up
        step = time_of(lambda: _step_through(fit, sample_batches(fit, 1)), fit.device)
        self.batches = min(BATCHES, max(1, int(self.seconds / (LEAST * max(step, 1e-9)))))

    def _measure(self, fit: Fit) -> tuple[float, float, float]:
        """Seconds and tokens per second of the training, and milliseconds of an answer."""
        batches, (steps, tokens) = sample_batches(fit, self.batches), amount_of_work(fit, self.folds)
        _step_through(fit, batches[:1])  # what was attached anew warms up
        latency(fit, 1, 0)
        taken = time_of(lambda: _step_through(fit, batches), fit.device)
        milliseconds = latency(fit, ANSWERS, 0)
        self.spent += taken + ANSWERS * milliseconds / 1000
        whole = taken / len(batches) * steps
        return whole, tokens / max(whole, 1e-9), milliseconds

    def costs(self, others: float | None) -> AloneCosts:
        """Medians and ranges, and the share of the machine that other programs took meanwhile."""
        if self.error:
            return AloneCosts(error=self.error)
        names = ("alone/train_seconds", "alone/tokens_per_second", "alone/latency_ms")
        low, middle, high = np.percentile(self.rows, (25, 50, 75), axis=0)
        return AloneCosts({
            **({} if self.peak is None else {"alone/peak_bytes": float(self.peak)}),
            **dict(zip(names, map(float, middle), strict=True)),
            **{f"{name}{SPREAD}": float(x) for name, x in zip(names, high - low, strict=True)},
            **({} if others is None else {"alone/others": others}),
        })  # fmt: skip


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
