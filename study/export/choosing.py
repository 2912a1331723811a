"""Documents to a score for each of their sentences, as the engine's extraction has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from study.engine.batches import moved, scoring_batches
from study.engine.pooling import reader
from study.engine.problems.extract import sinusoids
from study.engine.windows import Windows, windows
from study.examples import Documents

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
        """A logit for each sentence of each document; of a sentence in several windows the mean."""
        rows = windows(_documents(documents), self.tokenizer, self.longest)
        sums = [np.zeros(len(sentences)) for _, sentences in documents]
        times = [np.zeros(len(sentences)) for _, sentences in documents]
        for batch in scoring_batches(rows.tokens.lengths, TOKENS):
            logits = self._logits(rows, batch).numpy()
            for row, found in zip(batch.tolist(), logits, strict=True):
                document, count = rows.document[row], rows.counts[row]
                own = slice(rows.first[row], rows.first[row] + count)
                sums[document][own] += found[:count]
                times[document][own] += 1
        return [s / n for s, n in zip(sums, times, strict=True)]

    def _logits(self, rows: Windows, batch: np.ndarray) -> torch.Tensor:
        """Logits [n, U] of the sentences in a few windows."""
        ids, mask = rows.tokens.batch(batch, CPU)
        vectors = reader(rows.tokens, batch, mask, self.pooling)(self.backbone(input_ids=ids, attention_mask=mask))
        places = rows.first[batch][:, None] + np.arange(vectors.shape[1])
        vectors = vectors + sinusoids(int(places.max()) + 1, vectors.shape[-1])[moved(places, CPU)].to(vectors)
        return (vectors @ self.head.T + self.bias).squeeze(-1)


def _documents(documents: Sequence[Document]) -> Documents:
    """The same for the engine, which also wants what is not known here."""
    queries, sentences = zip(*((q, tuple(own)) for q, own in documents), strict=True)
    unknown = tuple((0,) * len(own) for own in sentences)
    return Documents(queries, sentences, unknown, ("",) * len(sentences), budget=1)
