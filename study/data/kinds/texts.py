"""Texts with a class each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from study.data.kinds.base import Classified


@dataclass(frozen=True)
class Texts(Classified):
    """Texts with integer labels [n], each the index of one of `classes`."""

    kind: ClassVar[str] = "texts"

    texts: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def contents(self) -> Iterable[bytes]:
        return "\x00".join(self.texts).encode(), self.labels.tobytes()

    def keys(self) -> tuple[str, ...]:
        return self.texts

    def inputs(self) -> tuple[str, ...]:
        return self.texts

    def input_sizes(self) -> np.ndarray:
        return np.array([*map(len, self.texts)])

    def _fields_at(self, positions: np.ndarray) -> dict[str, Any]:
        return {"texts": tuple(self.texts[i] for i in positions), "labels": self.labels[positions]}
