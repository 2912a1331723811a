"""Pairs of texts, of which a model writes the second for the first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from study.data.kinds.base import Summarized


@dataclass(frozen=True)
class Pairs(Summarized):
    """Source texts, each with the target text that a model is to write for it.

    The model reads `prefix`, the source and `suffix`, and writes at most `longest` tokens.
    """

    kind: ClassVar[str] = "pairs"

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    longest: int
    prefix: str = ""
    suffix: str = ""

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def strata(self) -> np.ndarray:
        return np.zeros(len(self), dtype=np.int64)

    @property
    def outputs(self) -> int:
        return 0

    def contents(self) -> Iterable[bytes]:
        return "\x00".join(self.sources).encode(), "\x00".join(self.targets).encode(), *self._mark()

    def keys(self) -> tuple[str, ...]:
        return self.sources

    def inputs(self) -> tuple[str, ...]:
        return self.sources

    def input_sizes(self) -> np.ndarray:
        return np.array([*map(len, self.sources)])

    def answers(self) -> tuple[Hashable, ...]:
        return self.targets

    def permute(self, order: np.ndarray) -> Self:
        return replace(self, targets=tuple(self.targets[i] for i in order))

    def _fields_at(self, positions: np.ndarray) -> dict[str, Any]:
        return {name: tuple(getattr(self, name)[i] for i in positions) for name in ("sources", "targets")}
