"""Classification: one vector a text, one class of several."""

from __future__ import annotations

import numpy as np
import torch

from study.config.schema import ModelConfig
from study.data.examples import Texts
from study.engine.batches import moved
from study.engine.pack import Pack
from study.engine.problems.base import cross_entropies
from study.engine.problems.heads import WithHead
from study.engine.workbench import Workbench
from study.scoring import losses


class Classify(WithHead):
    """A row is a text; its loss is the cross entropy of its class."""

    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        super().__init__(bench, model, lowest, cached)
        assert isinstance(bench.data.examples, Texts)
        self.known = bench.data.examples.labels
        self.labels = torch.from_numpy(self.known).to(self.device)

    def loss(self, pack: Pack, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        return cross_entropies(self.logits(pack, rows), self.labels[moved(rows.reshape(-1), self.device)], weights)

    def scores(self, pack: Pack, positions: list[np.ndarray]) -> list[dict[str, float]]:
        found = self.predict(pack, positions)
        return [
            losses.classification(np.stack([own[i] for i in p.tolist()]), self.known[p])
            for own, p in zip(found, positions, strict=True)
        ]
