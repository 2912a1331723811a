"""Documents to a score for each of their sentences, as the engine's extraction has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from study.engine.batches import scoring_batches
from study.engine.pooling import reader
from study.engine.windows import Windows, sinusoids, windows

Document = tuple[str, Sequence[str]]  # what is asked about it, and its sentences
TOKENS = 4096  # that a forward pass holds at most
CPU = torch.device("cpu")


class Choosing:
    """A backbone that reads windows of sentences, and the head [1, hidden] that scores each of them."""

    def __init__(
        self, backbone: nn.Module, head: torch.Tensor, bias: torch.Tensor, tokenizer: Any, pooling: str, longest: int
    ) -> None:
        self.backbone, self.head, self.bias = backbone, head, bias
        self.tokenizer, self.pooling, self.longest = tokenizer, pooling, longest

    @torch.no_grad()
    def scores(self, documents: Sequence[Document]) -> list[np.ndarray]:
        """The logits of each document's sentences, [sentences]; a sentence in several windows has the mean."""
        queries, texts = zip(*documents, strict=True)
        rows = windows(queries, texts, self.tokenizer, self.longest)
        places = sinusoids(rows.longest, self.head.shape[-1])
        logits: dict[int, np.ndarray] = {}
        for batch in scoring_batches(rows.tokens.lengths, TOKENS):
            logits.update(zip(batch.tolist(), self._logits(rows, batch, places).numpy(), strict=True))
        return [rows.means(logits, i) for i in range(len(documents))]

    def _logits(self, rows: Windows, batch: np.ndarray, places: torch.Tensor) -> torch.Tensor:
        """The logits [n, U] of the sentences in a batch of windows."""
        ids, mask = rows.tokens.batch(batch, CPU)
        vectors = reader(rows.tokens, batch, mask, self.pooling)(self.backbone(input_ids=ids, attention_mask=mask))
        return (rows.add_places(batch, vectors, places) @ self.head.T + self.bias).squeeze(-1)
