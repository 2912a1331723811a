"""Extractive summaries: which sentences of a document to take (Liu & Lapata 2019, arXiv 1908.08345)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from study.config.schema import ModelConfig
from study.core.answers import Scored
from study.data.examples import Documents
from study.engine import lookups
from study.engine.batches import Tokens, on_device
from study.engine.inputs import Reading
from study.engine.pack import Pack
from study.engine.problems.heads import WithHead
from study.engine.windows import Windows, require_room, sinusoids, windows
from study.engine.workbench import Workbench
from study.models.geometry import Tables
from study.scoring.losses import binary_cross_entropy, score_texts
from study.text import rouge, summaries


class Extract(WithHead):
    """A row is a window of a document; its loss is the mean binary cross entropy of its sentences.

    A sentence that several windows hold scores the mean of what it scores in each.
    """

    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        super().__init__(bench, model, lowest, cached)
        assert isinstance(bench.data.examples, Documents)
        self.documents, self.windows = bench.data.examples, windows_of(bench, model)
        self.places = sinusoids(self.windows.longest, bench.encoder(model).hidden).to(self.device)
        w = self.windows
        self.labels = np.zeros((len(w.counts), int(w.counts.max())), dtype=np.float32)
        for row, (document, first, count) in enumerate(zip(w.document, w.first, w.counts, strict=True)):
            self.labels[row, :count] = self.documents.highlights[document][first : first + count]

    @classmethod
    def require(cls, model: ModelConfig, examples: Documents, tables: tuple[Tables, ...]) -> None:
        tokenizer = lookups.tokenizer_of(model)
        require_room(examples.queries, tokenizer, model.max_length)

        def read() -> Tokens:
            return windows(examples.queries, examples.sentences, tokenizer, model.max_length).tokens

        lookups.require(lookups.TextNeed(model, tokenizer, read), tables)

    @classmethod
    def read(cls, bench: Workbench, model: ModelConfig) -> Tokens:
        tokens = windows_of(bench, model).tokens
        bench.note_cut(model, tokens, "sentence")
        return tokens

    def vectors(self, pack: Pack, rows: np.ndarray, reading: Reading) -> torch.Tensor:
        """A vector for each sentence, its place in the document added."""
        return self.windows.add_places(rows, super().vectors(pack, rows, reading), self.places)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        return self.windows.of(positions)

    def loss(self, pack: Pack, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        logits = self.logits(pack, rows).squeeze(-1)
        most, counts = logits.shape[-1], self.windows.counts[rows][..., None]
        shares = on_device((np.arange(most) < counts) / counts, self.device).to(logits)
        labels = on_device(self.labels[rows][..., :most], self.device).to(logits)
        each = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return ((each * shares).sum(-1) * weights).sum(1)

    def scores(self, pack: Pack, positions: list[np.ndarray]) -> list[Scored]:
        predictions = self.predict(pack, [self.rows(p) for p in positions])
        return [self._score(logits, p) for logits, p in zip(predictions, positions, strict=True)]

    def _score(self, logits: dict[int, np.ndarray], positions: np.ndarray) -> Scored:
        """ROUGE of what one member would choose, against the references, and the loss of its sentences' scores."""
        scores = [self.windows.means(logits, document) for document in positions.tolist()]
        sentences = [self.documents.sentences[i] for i in positions]
        budget, words = self.documents.budget, self.documents.words
        picked = [summaries.choose_sentences(s, t, budget, words) for s, t in zip(scores, sentences, strict=True)]
        texts = [" ".join(t[i] for i in chosen) for t, chosen in zip(sentences, picked, strict=True)]
        overlaps = rouge.f1(texts, [self.documents.references[i] for i in positions], words)
        labels = [self.documents.highlights[i] for i in positions]
        losses = [binary_cross_entropy(s, np.array(y)) for s, y in zip(scores, labels, strict=True)]
        return score_texts(overlaps, losses, self.documents.metric)


def windows_of(bench: Workbench, model: ModelConfig) -> Windows:
    """The windows of the bench's documents, made once a worker."""
    documents = bench.data.examples
    assert isinstance(documents, Documents)
    read, longest = bench.encoder(model).tokenizer, model.max_length
    key = ("windows", model.name, longest)
    return bench.once(key, lambda: windows(documents.queries, documents.sentences, read, longest))


PROBLEM = Extract
