"""Problems whose answers a new linear head gives, from vectors that the backbone makes of a text."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
import torch

from study.config.schema import ModelConfig
from study.engine.batches import Tokens
from study.engine.frozen import Frozen
from study.engine.inputs import Inputs, Reading
from study.engine.pack import Pack
from study.engine.problems.base import Problem, align, in_turns
from study.engine.shortcuts import prefix
from study.engine.workbench import Workbench


class WithHead(Problem):
    """Reads rows of tokens through :class:`Inputs`."""

    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        self.bench, self.model, self.device = bench, model, bench.device
        self.inputs = Inputs(Frozen(bench, model, self.tokens(bench, model)), lowest, cached)
        self.lengths = self.inputs.tokens.lengths
        self.truncated = self.inputs.tokens.truncated

    @classmethod
    @abstractmethod
    def read(cls, bench: Workbench, model: ModelConfig) -> Tokens:
        """The token ids of every row, at most `model.max_length`; how many texts were longer is noted."""

    @classmethod
    def tokens(cls, bench: Workbench, model: ModelConfig) -> Tokens:
        """The token ids of every row, read once a worker."""
        return bench.tokens(model, lambda: cls.read(bench, model))

    @classmethod
    def prepare(cls, bench: Workbench, model: ModelConfig) -> None:
        cls.tokens(bench, model)

    def logits(self, pack: Pack, rows: np.ndarray, reading: Reading = "kept") -> torch.Tensor:
        """Logits [P, n, ..., outputs] of `rows` [P, n]."""
        return pack.logits(self.vectors(pack, rows.reshape(-1), reading))

    def vectors(self, pack: Pack, rows: np.ndarray, reading: Reading) -> torch.Tensor:
        """The vectors that heads read of `rows` [P·n]."""
        return self.inputs.features(pack, rows, reading)

    def answer(self, pack: Pack, row: int) -> torch.Tensor:
        return self.logits(pack, np.array([[row]]), "deployed")

    @torch.no_grad()
    def predict(self, pack: Pack, rows: list[np.ndarray]) -> list[dict[int, np.ndarray]]:
        """Each member's logits [..., outputs] of its rows, by row."""
        predictions: list[dict[int, np.ndarray]] = [{} for _ in rows]
        for batches in in_turns(self.lengths, rows, self.bench.engine.tokens):
            logits = self.logits(pack, align(batches)[0]).cpu().numpy()
            for by_row, x, batch in zip(predictions, logits, batches, strict=True):
                by_row.update(zip(batch.tolist(), x, strict=False))  # what follows the batch are fillers
        return predictions

    def below(self, row: np.ndarray) -> Callable[[], object] | None:
        if not self.inputs.lowest:
            return None
        encoder = self.bench.encoder(self.model)
        ids, mask = self.inputs.tokens.batch(row, self.device)
        block = min(self.inputs.lowest, encoder.layers - 1)
        return lambda: prefix.entering_states(encoder.backbone, block, ids, mask)
