"""Classification of points."""

from __future__ import annotations

import numpy as np
import torch
from study.data.kinds.points import Points

from study.config.schema import ModelConfig
from study.core.answers import Scored
from study.engine.batches import on_device
from study.engine.pack import Pack
from study.engine.problems.base import Problem, align, cross_entropies
from study.engine.workbench import Workbench
from study.models.tables import Tables
from study.scoring.losses import score_classes


class Place(Problem):
    """A row is a point; its loss is the cross entropy of its class."""

    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        points = bench.data.examples
        assert isinstance(points, Points)
        self.bench, self.device, self.known = bench, bench.device, points.labels
        self.lengths = np.ones(len(points), dtype=np.int64)
        self.labels = torch.from_numpy(points.labels).to(self.device)
        self.places = torch.from_numpy(points.places).to(self.device)

    @classmethod
    def require(cls, model: ModelConfig, examples: Points, tables: tuple[Tables, ...]) -> None:
        """Nothing: the network is drawn on the spot."""

    def logits(self, pack: Pack, rows: np.ndarray) -> torch.Tensor:
        like = next(pack.backbone.parameters())
        return pack.logits(pack.backbone(self.places[on_device(rows.reshape(-1), self.device)].to(like)))

    def loss(self, pack: Pack, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        return cross_entropies(self.logits(pack, rows), self.labels[on_device(rows.reshape(-1), self.device)], weights)

    @torch.no_grad()
    def scores(self, pack: Pack, positions: list[np.ndarray]) -> list[Scored]:
        logits = self.logits(pack, align(positions)[0]).cpu().numpy()
        return [score_classes(x[: len(p)], self.known[p]) for x, p in zip(logits, positions, strict=True)]

    @torch.no_grad()
    def answer(self, pack: Pack, row: int) -> torch.Tensor:
        return self.logits(pack, np.array([[row]]))


PROBLEM = Place
