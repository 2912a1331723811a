"""A loaded export: texts in, labels out. Needs numpy and tokenizers; what computes the logits is the format's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from study.export.manifest import Manifest

BATCH = 32  # texts that are computed together

# Token ids and mask, both int64 [n, T], to logits [n, classes].
Compute = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Reader:
    """Texts to token ids, as the study read them."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        from tokenizers import Tokenizer

        self.pad_id = manifest.pad_id
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(manifest.max_length, direction=manifest.truncation_side)
        self.tokenizer.no_padding()

    def __call__(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Token ids and mask [n, T], padded at the end."""
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        longest = max(map(len, rows))
        ids = np.full((len(rows), longest), self.pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        return ids, mask


class Classifier:
    """Texts to labels. Of several members the logits are averaged."""

    def __init__(self, manifest: Manifest, folder: Path, members: list[Compute]) -> None:
        self.manifest, self.members = manifest, members
        self.read = Reader(manifest, folder)

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
        exponents = np.exp(logits - logits.max(1, keepdims=True))
        return exponents / exponents.sum(1, keepdims=True)

    def logits(self, texts: str | Sequence[str]) -> np.ndarray:
        """Logits [n, classes] of n texts."""
        rows = [texts] if isinstance(texts, str) else list(texts)
        if not rows:
            return np.zeros((0, len(self.classes)), dtype=np.float32)
        return np.concatenate([self._batch(rows[i : i + BATCH]) for i in range(0, len(rows), BATCH)])

    def _batch(self, texts: list[str]) -> np.ndarray:
        ids, mask = self.read(texts)
        return np.mean([compute(ids, mask) for compute in self.members], axis=0)  # type: ignore[no-any-return]
