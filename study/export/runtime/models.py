"""A loaded export: texts in, labels, texts or summaries out. Needs numpy and tokenizers; the rest is the format's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from study.export.runtime.frame import pad_rows
from study.export.runtime.manifest import Manifest

if TYPE_CHECKING:
    from study.export.runtime.extraction import Choosing, Document
    from study.export.runtime.whole import Writing

BATCH = 16  # texts that are computed together

# Token ids and mask, both int64 [n, T], to logits [n, outputs].
Compute = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Loaded:
    """A model that turns texts into logits; those of several members are averaged."""

    def __init__(self, manifest: Manifest, folder: Path, members: list[Compute]) -> None:
        from tokenizers import Tokenizer

        self.manifest, self.members, self.frame = manifest, members, manifest.frame
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(self.frame.room, direction=self.frame.side)
        self.tokenizer.no_padding()

    def batches(self, texts: str | Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Token ids and mask [n, T] of a few texts at a time."""
        rows = [texts] if isinstance(texts, str) else list(texts)
        for i in range(0, len(rows), BATCH):
            encodings = self.tokenizer.encode_batch(rows[i : i + BATCH], add_special_tokens=not self.frame.new)
            yield pad_rows([self.frame.around(encoding.ids) for encoding in encodings], self.frame.pad)

    def logits(self, texts: str | Sequence[str]) -> np.ndarray:
        """Logits [n, outputs] of n texts; of a model that writes, those of the first token that it would write."""
        parts = [np.mean([c(ids, mask) for c in self.members], axis=0) for ids, mask in self.batches(texts)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.manifest.classes)), dtype=np.float32)


class Classifier(Loaded):
    """A loaded model that gives texts labels."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the logits."""
        return self.manifest.classes

    def __call__(self, texts: str | Sequence[str]) -> list[str]:
        """The label of each text."""
        return [self.classes[i] for i in self.logits(texts).argmax(1)]

    def probabilities(self, texts: str | Sequence[str]) -> np.ndarray:
        """The softmax of the logits, [n, classes]."""
        logits = self.logits(texts).astype(np.float64)
        exponents: np.ndarray = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(exponents / exponents.sum(1, keepdims=True))


class Writer(Loaded):
    """A loaded model that writes a text for each text."""

    def __init__(self, manifest: Manifest, folder: Path, writing: Writing) -> None:
        from study.models import hub

        super().__init__(manifest, folder, [writing.compute])
        self.writing, self.reads = writing, hub.tokenizer(manifest.model_in(folder))

    def __call__(self, texts: str | Sequence[str]) -> list[str]:
        """The text that the model writes for each text."""
        written: list[str] = []
        for ids, mask in self.batches(texts):
            new = self.writing.write(ids, mask, self.frame.new, self.frame.pad)
            written += self.reads.batch_decode(new, skip_special_tokens=True)
        return written


class Extractor:
    """A loaded model that makes summaries of documents from their own sentences."""

    def __init__(self, manifest: Manifest, choosing: Choosing) -> None:
        self.manifest, self.choosing = manifest, choosing

    def logits(self, documents: Sequence[Document]) -> np.ndarray:
        """A score for each sentence of each document, one after the other."""
        return np.concatenate(self.choosing.scores(documents))

    def __call__(self, documents: Sequence[Document]) -> list[str]:
        """The summary of each document, which is a query (perhaps empty) with the document's sentences."""
        from study.text import rouge, summaries

        out, frame = [], self.manifest.frame
        for scores, (_, sentences) in zip(self.choosing.scores(documents), documents, strict=True):
            kept = summaries.choose_sentences(scores, sentences, frame.budget, rouge.WORDS[frame.words])
            out.append(" ".join(sentences[i] for i in kept))
        return out
