"""Classification: one vector a text, one class of several."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from study.config.schema import ModelConfig
from study.core.answers import Scored
from study.data.examples import Texts
from study.engine import lookups
from study.engine.batches import Tokens, on_device
from study.engine.pack import Pack
from study.engine.problems.base import cross_entropies
from study.engine.problems.heads import WithHead
from study.engine.tokenization import tokenize
from study.engine.workbench import Workbench
from study.models.geometry import Tables
from study.scoring.losses import score_classes


class Classify(WithHead):
    """A row is a text; its loss is the cross entropy of its class."""

    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        super().__init__(bench, model, lowest, cached)
        assert isinstance(bench.data.examples, Texts)
        self.known = bench.data.examples.labels
        self.labels = torch.from_numpy(self.known).to(self.device)

    @classmethod
    def require(cls, model: ModelConfig, examples: Texts, tables: tuple[Tables, ...]) -> None:
        tokenizer = lookups.tokenizer_of(model)
        read = partial(tokenize, examples.texts, tokenizer, model.max_length)
        lookups.require(lookups.TextNeed(model, tokenizer, read), tables)

    @classmethod
    def read(cls, bench: Workbench, model: ModelConfig) -> Tokens:
        examples = bench.data.examples
        assert isinstance(examples, Texts)
        tokens = tokenize(examples.texts, bench.encoder(model).tokenizer, model.max_length)
        bench.note_cut(model, tokens, "text")
        return tokens

    def loss(self, pack: Pack, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        return cross_entropies(self.logits(pack, rows), self.labels[on_device(rows.reshape(-1), self.device)], weights)

    def scores(self, pack: Pack, positions: list[np.ndarray]) -> list[Scored]:
        predictions = self.predict(pack, positions)
        return [
            score_classes(np.stack([logits[i] for i in p.tolist()]), self.known[p])
            for logits, p in zip(predictions, positions, strict=True)
        ]


PROBLEM = Classify
