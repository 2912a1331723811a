"""Training one pack of members to the end, and everything that is measured about each of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from study import metrics
from study.adapters import surgery
from study.config import ModelConfig
from study.engine import memory
from study.engine.batches import scoring_batches, training_batches
from study.engine.optim import PackedAdamW, schedule
from study.engine.pack import Pack
from study.engine.prefix import Ragged
from study.engine.workbench import Tokens, Workbench, name_of
from study.records import Epoch, FoldResult, Member

LATENCY_RUNS = 20

OnEpoch = Callable[[Member, Epoch], None]


def train_pack(members: list[Member], bench: Workbench, on_epoch: OnEpoch | None = None) -> list[FoldResult]:
    """Train the members together and score each on its own fold; results in the members' order.

    Members share model, epochs and batch size. `on_epoch` hears every member's score as its epoch ends.
    """
    return Fit(members, bench).run(on_epoch)


class Fit:
    """One pack's training; a member's random numbers come from its own seed alone."""

    def __init__(self, members: list[Member], bench: Workbench, cached: bool = True) -> None:
        first = members[0].configuration
        if any(
            (m.configuration.model, m.configuration.train.epochs, m.configuration.train.batch_size)
            != (first.model, first.train.epochs, first.train.batch_size)
            for m in members
        ):
            raise ValueError("members of a pack share model, epochs and batch size")
        self.members, self.bench, self.device = members, bench, bench.device
        self.tokens: Tokens = bench.tokens(first.model)
        self.encoder = bench.encoder(first.model)
        self.folds = [bench.data.folds[m.fold] for m in members]
        self.labels = torch.from_numpy(bench.data.labels).to(self.device)
        self.epochs, self.batch_size = first.train.epochs, first.train.batch_size
        spectrum = bench.spectrum(first.model)
        self.pack = Pack(self.encoder, members, bench.data.classes, spectrum, self.device)
        self.frozen = self._frozen(first.model, cached)
        trains = [m.configuration.train for m in members]
        settings = torch.tensor([[t.lr, t.weight_decay, t.clip] for t in trains], dtype=torch.float64)
        self.lr, decay, clip = settings.to(self.device).unbind(1)
        self.optimizer = PackedAdamW(self.pack.trained(), decay, clip)
        self.seconds, self.seen = 0.0, np.zeros(len(members))

    def run(self, on_epoch: OnEpoch | None) -> list[FoldResult]:
        """Every epoch, its scores, then the measurements that need the trained pack."""
        started, curves = time.time(), [[] for _ in self.members]  # type: ignore[var-annotated]
        try:
            step = memory.most_alive(self._rehearse)
            memory.reset_peak(self.device)
            for epoch in range(self.epochs):
                losses = self._train_epoch(epoch)
                scores = self._scores()
                self._record(curves, epoch, losses, scores, on_epoch)
            peak = memory.peak_bytes(self.device)
            latency = self._latency()
            common = self._measured(peak, latency)
            return [
                FoldResult(
                    trial=m.trial,
                    fold=m.fold,
                    score=scores[p][self.bench.data.metric],
                    epochs=tuple(curves[p]),
                    metrics={
                        "score": scores[p][self.bench.data.metric],
                        **scores[p],
                        **common,
                        **self._counted(m, step),
                        "speed/tokens_per_second": float(self.seen[p] / max(self.seconds, 1e-9)),
                    },
                    started=started,
                    ended=time.time(),
                    device=name_of(self.device),
                )
                for p, m in enumerate(self.members)
            ]
        finally:
            self.pack.close()

    def _train_epoch(self, epoch: int) -> list[float]:
        plans = [
            [fold.train[b] for b in training_batches(self.tokens.lengths[fold.train], self.batch_size, m.seed, epoch)]
            for m, fold in zip(self.members, self.folds, strict=True)
        ]
        sums = torch.zeros(len(self.members), device=self.device)
        begun = time.perf_counter()
        for step in range(max(map(len, plans))):
            batches = [plan[step] if step < len(plan) else plan[0][:0] for plan in plans]
            sums += self._step(batches, [epoch * len(plan) + step for plan in plans], [len(p) for p in plans])
        losses = (sums / torch.tensor([len(p) for p in plans], device=self.device)).tolist()
        self.seconds += time.perf_counter() - begun
        return losses

    def _step(self, batches: list[np.ndarray], steps: list[int], per_epoch: list[int]) -> torch.Tensor:
        task = self._task_loss(batches)
        self.pack.objective(task).backward()
        self.pack.hold_frozen()
        shares = [
            schedule(s, n * self.epochs, m.configuration.train.warmup)
            for s, n, m in zip(steps, per_epoch, self.members, strict=True)
        ]
        active = torch.tensor([len(b) > 0 for b in batches], device=self.device)
        self.optimizer.step(self.lr * torch.tensor(shares, dtype=self.lr.dtype, device=self.device), active)
        self.optimizer.zero_grad()
        self.seen += [self.tokens.lengths[b].sum() for b in batches]
        return task.detach() * active

    def _task_loss(self, batches: list[np.ndarray], whole: bool = False) -> torch.Tensor:
        rows, weights = _level(batches)
        logits = self._logits(rows, whole)
        return self.pack.task_loss(logits, self.labels[torch.from_numpy(rows)], torch.from_numpy(weights).to(logits))

    def _logits(self, rows: np.ndarray, whole: bool = False) -> torch.Tensor:
        """Logits [P, n, classes] of the examples at `rows` [P, n]; `whole` runs the frozen prefix too."""
        flat = rows.reshape(-1)
        if self.frozen is None or whole:
            return self.pack.logits(self.pack.features(*self.tokens.batch(flat, self.device)))
        if isinstance(self.frozen, torch.Tensor):
            return self.pack.logits(self.frozen[torch.from_numpy(flat).to(self.device)])
        ids, mask = self.tokens.batch(flat, self.device)
        return self.pack.logits(self.pack.features(ids, mask, self.frozen.batch(flat, ids.shape[1])))

    def _frozen(self, model: ModelConfig, cached: bool) -> torch.Tensor | Ragged | None:
        """What the pack need not compute again: all features, the hidden states of a prefix, or nothing."""
        if not cached or self.pack.lowest == 0:
            return None
        surgery.detach(self.pack.backbone, self.pack.attached)  # the prefix is the frozen model's own
        try:
            if self.pack.lowest == self.encoder.layers:
                return self.bench.pooled(model)
            return self.bench.entering(model, self.pack.lowest)
        finally:
            surgery.reattach(self.pack.backbone, self.pack.attached)

    def _scores(self) -> list[dict[str, float]]:
        logits = self.predict([fold.valid for fold in self.folds])
        return [
            metrics.classification(x, self.bench.data.labels[fold.valid])
            for x, fold in zip(logits, self.folds, strict=True)
        ]

    @torch.no_grad()
    def predict(self, positions: list[np.ndarray]) -> list[np.ndarray]:
        """Each member's logits at its own positions, [n, classes], in the order of the positions."""
        plans = [[p[b] for b in scoring_batches(self.tokens.lengths[p])] for p in positions]
        parts: list[list[np.ndarray]] = [[] for _ in plans]
        for step in range(max(map(len, plans))):
            batches = [plan[step] if step < len(plan) else plan[0][:0] for plan in plans]
            logits = self._logits(_level(batches)[0]).cpu().numpy()
            for part, x, batch in zip(parts, logits, batches, strict=True):
                part.append(x[: len(batch)])
        orders = [np.concatenate(scoring_batches(self.tokens.lengths[p])) for p in positions]
        return [np.concatenate(part)[np.argsort(order)] for part, order in zip(parts, orders, strict=True)]

    def _record(
        self,
        curves: list[list[Epoch]],
        epoch: int,
        losses: list[float],
        scores: list[dict[str, float]],
        on_epoch: OnEpoch | None,
    ) -> None:
        distances = self.pack.distance().tolist()
        for p, member in enumerate(self.members):
            score = scores[p][self.bench.data.metric]
            curves[p].append(Epoch(epoch + 1, int(self.optimizer.steps[p]), losses[p], distances[p], score))
            if on_epoch is not None:
                on_epoch(member, curves[p][-1])

    def _rehearse(self) -> None:
        """A whole step on the longest batch that changes nothing, because no member is active."""
        longest = [f.train[np.argsort(-self.tokens.lengths[f.train])[: self.batch_size]] for f in self.folds]
        self.pack.objective(self._task_loss(longest, whole=True)).backward()
        self.pack.hold_frozen()
        self.optimizer.step(torch.zeros_like(self.lr), torch.zeros_like(self.lr, dtype=torch.bool))
        self.optimizer.zero_grad()

    def _counted(self, member: Member, step: int) -> dict[str, float]:
        method, backbone = member.configuration.method, self.encoder.backbone
        total = sum(p.numel() for p in backbone.parameters()) - sum(
            p.numel() for packed in self.pack.attached.values() for p in (packed.up, packed.down)
        )
        head = self.pack.head[0].numel() + self.pack.bias[0].numel()
        adapter = total if method.kind == "full" else surgery.adapter_parameters(method, self.encoder.sites)
        stored = surgery.stored_parameters(method, self.encoder.sites, total)
        held = [*self.pack.backbone.parameters(), *self.pack.backbone.buffers()]
        return {
            "params/trainable": adapter + head,
            "params/adapter": adapter,
            "params/head": head,
            "params/total": total + head + (0 if method.kind == "full" else adapter),
            "params/stored": stored + head,
            "memory/train_bytes": memory.train_bytes(held, self.pack.trained(), step),
        }

    def _measured(self, peak: int | None, latency: float) -> dict[str, float]:
        out = {"time/train_seconds": self.seconds, "latency/ms": latency}
        return out if peak is None else {**out, "memory/peak_bytes": peak}

    @torch.no_grad()
    def _latency(self) -> float:
        fold = self.folds[0].valid
        times = []
        for i in range(LATENCY_RUNS + 2):
            rows = np.repeat(fold[i % len(fold)][None, None], len(self.members), axis=0)
            begun = time.perf_counter()
            self._logits(rows, whole=True).cpu()
            times.append(time.perf_counter() - begun)
        return float(np.median(times[2:])) * 1000  # the first two warm caches up


def _level(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Positions [P, n] and weights [P, n]: shorter batches are filled with rows of weight zero."""
    n = max(map(len, batches))
    filler = next(int(b[0]) for b in batches if len(b))
    rows = np.stack([np.concatenate([b, np.full(n - len(b), filler, dtype=np.int64)]) for b in batches])
    return rows, np.stack([np.arange(n) < len(b) for b in batches])
