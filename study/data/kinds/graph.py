"""Nodes of one graph with a class each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from study.data.kinds.base import Classified


@dataclass(frozen=True)
class Graph(Classified):
    """Labelled nodes of one graph, which is seen whole by every fold; labels of other nodes are never read.

    `features` [N, F] and `edges` [2, E] (both directions of each) are the graph's; `nodes` [n] are the
    examples' places in it, `labels` [n] their classes.
    """

    kind: ClassVar[str] = "graph"

    features: np.ndarray
    edges: np.ndarray
    nodes: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.nodes)

    def contents(self) -> Iterable[bytes]:
        return tuple(a.tobytes() for a in (self.features, self.edges, self.nodes, self.labels))

    def keys(self) -> tuple[str, ...]:
        return tuple(map(str, self.nodes))

    def inputs(self) -> tuple[int, ...]:
        return tuple(self.nodes.tolist())

    def input_sizes(self) -> np.ndarray:
        return np.ones(len(self), dtype=np.int64)

    def _fields_at(self, positions: np.ndarray) -> dict[str, Any]:
        return {"nodes": self.nodes[positions], "labels": self.labels[positions]}
