"""One pack's training: epochs, steps, scores, and members that leave."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from study.config.members import Member
from study.core.answers import Answers, Scored
from study.core.records import SMALLER, Epoch, Fold, fault_of
from study.engine import problems
from study.engine.batches import on_device, training_batches
from study.engine.optim import PackedAdamW
from study.engine.pack import Pack
from study.engine.problems.base import align
from study.engine.schedule import learning_rate_share
from study.engine.workbench import Workbench


@dataclass
class Course:
    """One member's training so far: its epochs, scores, steps, seconds and tokens, and the error that ended it, if any.

    `rows` [n] are the rows that it trains on; `scores` and `loss` are those of its last epoch. `seconds` are its share
    of the pack's training, `scoring` of the time that held-out answers took.
    """

    member: Member
    fold: Fold
    rows: np.ndarray
    epochs: list[Epoch] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    answers: Answers | None = None
    loss: float = math.nan
    steps: int = 0
    seconds: float = 0.0
    scoring: float = 0.0
    tokens: int = 0
    error: str | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        train = self.member.configuration.train
        return train.epochs * -(-len(self.rows) // train.batch_size)

    @property
    def done(self) -> bool:
        """Whether every epoch has been trained."""
        return len(self.epochs) == self.member.configuration.train.epochs

    @property
    def scores_next(self) -> bool:
        """Whether the coming epoch ends with held-out scores: the last one does, and each where curves are wanted."""
        train = self.member.configuration.train
        return train.curves or len(self.epochs) + 1 == train.epochs

    def close_epoch(self, distance: float, scored: Scored | None, metric: str) -> None:
        """Take over what the epoch measured, or why it is the member's last: a figure that is no finite number."""
        epoch, figures = len(self.epochs) + 1, {} if scored is None else scored.figures
        self.error = fault_of({**figures, "distance": distance}, epoch)
        if self.error is None:
            self.epochs.append(Epoch(epoch, self.steps, self.loss, distance, figures.get(metric)))
            self.scores, self.answers = figures, None if scored is None else scored.answers


class Fit:
    """Trains a pack; a member's random numbers come from its own seed alone.

    Members share a model. Each leaves when its own epochs are over, or when its loss, a score or its distance is
    no longer finite; the others go on as if it had never been there.
    """

    def __init__(self, members: list[Member], bench: Workbench, cached: bool = True) -> None:
        model, encoder = members[0].configuration.model, bench.encoder(members[0].configuration.model)
        if any(m.configuration.model != model for m in members):
            raise ValueError("members of a pack share their model")
        self.bench, self.device, self.encoder = bench, bench.device, encoder
        lowest = min(m.adaptation.lowest for m in members)
        self.problem = problems.make(bench, model, lowest, cached)  # while the encoder is still as it came
        folds = [bench.data.folds[m.fold] for m in members]
        self.courses = [Course(m, f, self.problem.rows(f.train)) for m, f in zip(members, folds, strict=True)]
        self.pack = Pack(encoder, members, bench.data.examples.outputs, bench.spectrum(model), self.device)
        trains = [m.configuration.train for m in members]
        settings = torch.tensor([[t.lr, t.weight_decay, t.clip] for t in trains], dtype=torch.float64)
        self.lr, decay, clip = settings.to(self.device).unbind(1)
        try:
            self.optimizer = PackedAdamW(self.pack.trained_tensors(), decay, clip)
        except BaseException:  # such as for want of memory: the encoder is for the next pack as it came
            self.pack.close()
            raise

    def run(self) -> list[Course]:
        """Train every member to its end; the courses in the members' order."""
        courses = list(self.courses)
        try:
            while self.courses:
                self._epoch()
        finally:
            self.pack.close()
        return courses

    def _epoch(self) -> None:
        """Train every member once, score those that are to be, and let go those that are done or no longer finite."""
        self.train_epoch()
        for course in self.courses:
            if not math.isfinite(course.loss):
                course.error = f"its loss is {course.loss} in epoch {len(course.epochs) + 1}; {SMALLER}"
        self._keep([course.error is None for course in self.courses])
        if not self.courses:
            return
        metric = self.bench.data.examples.metric
        for course, scored, distance in zip(self.courses, self._score(), self.pack.distance().tolist(), strict=True):
            course.close_epoch(distance, scored if course.scores_next else None, metric)
        self._keep([course.error is None and not course.done for course in self.courses])

    def _score(self) -> Sequence[Scored | None]:
        """Every member's scores where one of them wants any: who is scored beside whom must not change rounding."""
        if not any(course.scores_next for course in self.courses):
            return [None] * len(self.courses)
        begun = time.perf_counter()
        scores = self.problem.scores(self.pack, [course.fold.valid for course in self.courses])
        share = (time.perf_counter() - begun) / len(self.courses)
        for course in self.courses:
            course.scoring += share
        return scores

    def _keep(self, stays: list[bool]) -> None:
        """Let the members go that do not stay."""
        kept = [i for i, stay in enumerate(stays) if stay]
        if len(kept) < len(stays):
            self.courses = [self.courses[i] for i in kept]
            if kept:
                self.pack.keep(kept)
                self.optimizer.keep(self.pack.trained_tensors(), kept)
                self.lr = self.lr[torch.tensor(kept, device=self.device)]

    def train_epoch(self) -> None:
        """One epoch of every member; no step of it waits for the device."""
        begun = time.perf_counter()
        lengths, plans = self.problem.lengths, [self._plan(course) for course in self.courses]
        sums = torch.zeros(len(plans), device=self.device)
        for step in range(max(map(len, plans))):
            sums += self.step([plan[step] if step < len(plan) else plan[0][:0] for plan in plans])
        for course, plan, loss in zip(self.courses, plans, sums.tolist(), strict=True):
            course.loss = loss / len(plan)
            course.tokens += int(lengths[course.rows].sum())
            course.seconds += (time.perf_counter() - begun) / len(plans)  # its share of what the pack takes

    def _plan(self, course: Course) -> list[np.ndarray]:
        """The batches of the member's coming epoch."""
        rows, size = course.rows, course.member.configuration.train.batch_size
        batches = training_batches(self.problem.lengths[rows], size, course.member.seed, len(course.epochs))
        return [rows[batch] for batch in batches]

    def step(self, batches: list[np.ndarray], active: bool = True) -> torch.Tensor:
        """One step of every member on its batch (none where it is empty); L1 of each, [P].

        Where `active` is false the optimizer's step changes nothing.
        """
        task = self._backward(batches)
        moves = np.array([active and len(b) > 0 for b in batches])
        shares = [
            learning_rate_share(c.steps, c.total_steps, c.member.configuration.train.warmup) if move else 0.0
            for c, move in zip(self.courses, moves, strict=True)
        ]
        self.optimizer.step(self.lr * on_device(np.array(shares), self.device), on_device(moves, self.device))
        self.optimizer.zero_grad()
        for course, move in zip(self.courses, moves, strict=True):
            course.steps += int(move)
        return task

    def _backward(self, batches: list[np.ndarray]) -> torch.Tensor:
        """Gradients of the members' objectives, portion by portion where a batch holds many tokens; L1 [P]."""
        rows, weights = align(batches)
        parts = self.problem.portions(rows.shape[1])
        total = torch.zeros(len(batches), device=self.device)
        for part in parts:
            shapes = [self.problem.adapter_input_shape(batch[part]) for batch in batches]
            with self.pack.drop_inputs([c.steps for c in self.courses], part.start, shapes):
                share = on_device(weights[:, part], self.device).to(self.pack.head)
                task = self.problem.loss(self.pack, rows[:, part], share)
            objective = self.pack.objective(task, self.pack.distance, share=float(part is parts[-1]))
            objective.backward()
            total += task.detach()
        return total
