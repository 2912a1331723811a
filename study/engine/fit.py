"""One pack's training: epochs, steps, scores, and members that leave."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from study import metrics, models
from study.engine.batches import moved, portions, scoring_batches, training_batches
from study.engine.inputs import Inputs, Reading
from study.engine.optim import PackedAdamW, schedule
from study.engine.pack import Pack
from study.engine.workbench import Workbench
from study.records import Epoch, Fold, Member

OnEpoch = Callable[[Member, Epoch], bool]


@dataclass
class Course:
    """One member's way through its training: what is known of it until it leaves the pack."""

    member: Member
    fold: Fold
    epochs: list[Epoch] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    loss: float = math.nan
    steps: int = 0
    seconds: float = 0.0
    tokens: int = 0
    error: str | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole training."""
        train = self.member.configuration.train
        return train.epochs * -(-len(self.fold.train) // train.batch_size)

    @property
    def done(self) -> bool:
        """Whether every epoch has been trained."""
        return len(self.epochs) == self.member.configuration.train.epochs


class Fit:
    """Trains a pack; a member's random numbers come from its own seed alone.

    Members share a model. Each leaves when its own epochs are over, when `on_epoch` says so, or when its
    loss is no longer finite; the others go on as if it had never been there.
    """

    def __init__(self, members: list[Member], bench: Workbench, cached: bool = True) -> None:
        model, encoder = members[0].configuration.model, bench.encoder(members[0].configuration.model)
        if any(m.configuration.model != model for m in members):
            raise ValueError("members of a pack share their model")
        self.bench, self.device, self.encoder = bench, bench.device, encoder
        self.courses = [Course(m, bench.data.folds[m.fold]) for m in members]
        self.labels = torch.from_numpy(bench.data.labels).to(self.device)
        methods = [m.configuration.method for m in members]
        lowest = min(models.lowest_block(m, encoder.sites, encoder.layers) for m in methods)
        self.inputs = Inputs(bench, model, lowest, cached)  # asked for while the encoder is still as it came
        self.longest = int(self.inputs.tokens.lengths.max())
        self.pack = Pack(encoder, members, bench.data.classes, bench.spectrum(model), self.device)
        trains = [m.configuration.train for m in members]
        settings = torch.tensor([[t.lr, t.weight_decay, t.clip] for t in trains], dtype=torch.float64)
        self.lr, decay, clip = settings.to(self.device).unbind(1)
        try:
            self.optimizer = PackedAdamW(self.pack.trained(), decay, clip)
        except BaseException:  # such as for want of memory: the encoder is for the next pack as it came
            self.pack.close()
            raise

    def run(self, on_epoch: OnEpoch | None = None) -> list[Course]:
        """Train every member to its end; the courses in the members' order."""
        courses = list(self.courses)
        try:
            while self.courses:
                self._epoch(on_epoch)
        finally:
            self.pack.close()
        return courses

    def _epoch(self, on_epoch: OnEpoch | None) -> None:
        self.train_epoch()
        for course in self.courses:
            if not math.isfinite(course.loss):
                course.error = f"its loss is {course.loss} in epoch {len(course.epochs) + 1}; try a smaller train.lr"
        self._keep([course.error is None for course in self.courses])
        if not self.courses:
            return
        stays = []
        for course, scores, distance in zip(self.courses, self._scores(), self.pack.distance().tolist(), strict=True):
            course.scores, score = scores, scores[self.bench.data.metric]
            course.epochs.append(Epoch(len(course.epochs) + 1, course.steps, course.loss, distance, score))
            stopped = on_epoch is not None and on_epoch(course.member, course.epochs[-1])
            stays.append(not stopped and not course.done)
        self._keep(stays)

    def _keep(self, stays: list[bool]) -> None:
        """Let the members go that do not stay."""
        kept = [i for i, stay in enumerate(stays) if stay]
        if len(kept) < len(stays):
            self.courses = [self.courses[i] for i in kept]
            if kept:
                self.pack.keep(kept)
                self.optimizer.keep(self.pack.trained(), kept)
                self.lr = self.lr[torch.tensor(kept, device=self.device)]

    def train_epoch(self) -> None:
        """One epoch of every member; no step of it waits for the device."""
        begun = time.perf_counter()
        lengths, plans = self.inputs.tokens.lengths, [self._plan(course) for course in self.courses]
        sums = torch.zeros(len(plans), device=self.device)
        for step in range(max(map(len, plans))):
            sums += self.step([plan[step] if step < len(plan) else plan[0][:0] for plan in plans])
        for course, plan, loss in zip(self.courses, plans, sums.tolist(), strict=True):
            course.loss = loss / len(plan)
            course.tokens += int(lengths[course.fold.train].sum())
            course.seconds += (time.perf_counter() - begun) / len(plans)  # its share of what the pack takes

    def _plan(self, course: Course) -> list[np.ndarray]:
        """The batches of the member's coming epoch."""
        own, size = course.fold.train, course.member.configuration.train.batch_size
        batches = training_batches(self.inputs.tokens.lengths[own], size, course.member.seed, len(course.epochs))
        return [own[batch] for batch in batches]

    def step(self, batches: list[np.ndarray], active: bool = True) -> torch.Tensor:
        """One step of every member on its batch (none where it is empty); L1 of each, [P].

        Where `active` is false the optimizer's step changes nothing.
        """
        task = self._backward(batches)
        moves = np.array([active and len(b) > 0 for b in batches])
        shares = [
            schedule(c.steps, c.total_steps, c.member.configuration.train.warmup) if move else 0.0
            for c, move in zip(self.courses, moves, strict=True)
        ]
        self.optimizer.step(self.lr * moved(np.array(shares), self.device), moved(moves, self.device))
        self.optimizer.zero_grad()
        for course, move in zip(self.courses, moves, strict=True):
            course.steps += int(move)
        return task

    def _backward(self, batches: list[np.ndarray]) -> torch.Tensor:
        """Gradients of the members' objectives, portion by portion where a batch holds many tokens; L1 [P]."""
        rows, weights = _level(batches)
        # Portions are as for the longest text of all: cutting by what companions bring would change rounding.
        parts = portions(rows.shape[1], self.longest, self.bench.engine.tokens)
        total = torch.zeros(len(batches), device=self.device)
        for part in parts:
            with self.pack.dropping([c.steps for c in self.courses], part.start, self._shapes(batches, part)):
                logits = self._logits(rows[:, part])
            labels = self.labels[moved(rows[:, part], self.device)]
            task = self.pack.task_loss(logits, labels, moved(weights[:, part], self.device).to(logits))
            self.pack.objective(task, share=float(part is parts[-1])).backward()  # type: ignore[no-untyped-call]
            total += task.detach()
        return total

    def _shapes(self, batches: list[np.ndarray], part: slice) -> list[tuple[int, int]]:
        """Each member's own rows in the portion, and their longest in tokens."""
        owns = [batch[part] for batch in batches]
        return [(len(own), int(self.inputs.tokens.lengths[own].max(initial=0))) for own in owns]

    def _logits(self, rows: np.ndarray, reading: Reading = "kept") -> torch.Tensor:
        """Logits [P, n, classes] of the examples at `rows` [P, n]."""
        return self.pack.logits(self.inputs.features(self.pack, rows.reshape(-1), reading))

    def _scores(self) -> list[dict[str, float]]:
        logits = self.predict([course.fold.valid for course in self.courses])
        return [
            metrics.classification(x, self.bench.data.labels[course.fold.valid])
            for x, course in zip(logits, self.courses, strict=True)
        ]

    @torch.no_grad()
    def predict(self, positions: list[np.ndarray]) -> list[np.ndarray]:
        """Each member's logits at its own positions, [n, classes], in the order of the positions."""
        lengths, budget = self.inputs.tokens.lengths, self.bench.engine.tokens
        orders = [scoring_batches(lengths[p], budget) for p in positions]
        parts: list[list[np.ndarray]] = [[] for _ in positions]
        for step in range(max(map(len, orders))):
            batches = [p[o[step]] if step < len(o) else p[:0] for p, o in zip(positions, orders, strict=True)]
            logits = self._logits(_level(batches)[0]).cpu().numpy()
            for part, x, batch in zip(parts, logits, batches, strict=True):
                part.append(x[: len(batch)])
        return [
            np.concatenate(part)[np.argsort(np.concatenate(order))] for part, order in zip(parts, orders, strict=True)
        ]


def _level(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Positions [P, n], and weights [P, n] that make each member's mean: fillers of shorter batches weigh nothing."""
    n = max(map(len, batches))
    filler = next(int(b[0]) for b in batches if len(b))
    rows = np.stack([np.concatenate([b, np.full(n - len(b), filler, dtype=np.int64)]) for b in batches])
    return rows, np.stack([(np.arange(n) < len(b)) / max(1, len(b)) for b in batches])
