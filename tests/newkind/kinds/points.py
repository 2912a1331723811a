"""Points in space with a class each: a kind of examples that the suite does not have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from study.data.kinds.base import Classified


@dataclass(frozen=True)
class Points(Classified):
    """Points [n, 3] with integer labels [n]."""

    kind: ClassVar[str] = "points"

    places: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.places)

    def contents(self) -> Iterable[bytes]:
        return self.places.tobytes(), self.labels.tobytes()

    def keys(self) -> tuple[str, ...]:
        return tuple(map(str, self.places.tolist()))

    def inputs(self) -> tuple[tuple[float, ...], ...]:
        return tuple(map(tuple, self.places.tolist()))

    def input_sizes(self) -> np.ndarray:
        return np.full(len(self), self.places.shape[1])

    def _fields_at(self, positions: np.ndarray) -> dict[str, Any]:
        return {"places": self.places[positions], "labels": self.labels[positions]}
