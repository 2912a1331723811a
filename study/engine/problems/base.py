"""The contract of a problem: how examples become rows of a batch, what a row costs, how answers are judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from study.config.schema import ModelConfig
from study.core.answers import Scored
from study.engine.batches import portions, scoring_batches
from study.engine.pack import Pack
from study.engine.workbench import Workbench
from study.models.geometry import Tables


class Problem(ABC):
    """What the members of a pack learn.

    Guarantees: a row's loss and its answer depend on that row and its member alone; the same rows come for
    the same examples every time. It is made while nothing is attached to the bench's encoder.

    `lengths` [R] are what the rows cost, in tokens; `truncated` is the share of texts that the model reads cut short.
    """

    bench: Workbench
    lengths: np.ndarray
    truncated: float = 0.0

    @abstractmethod
    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        """Read the bench's examples with the model, of which the blocks below `lowest` are frozen."""

    @classmethod
    @abstractmethod
    def require(cls, model: ModelConfig, examples: Any, tables: tuple[Tables, ...]) -> None:
        """Raise StudyError where the model lacks a file that it needs to read these examples, or cannot look up in its
        `tables` what it would read of them."""

    @classmethod
    def prepare(cls, bench: Workbench, model: ModelConfig) -> None:
        """Make, on a worker that has nothing to do yet, what every member of that model will want."""
        bench.encoder(model)

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """The rows of the examples at these positions; one each, unless said otherwise."""
        return positions

    def portions(self, count: int) -> list[slice]:
        """The slices in which `count` rows of each member are read: of at most `engine.tokens` tokens each.

        Every row is taken for as long as the study's longest: portions that depended on a pack's other rows would
        change rounding.
        """
        return portions(count, int(self.lengths.max()), self.bench.engine.tokens)

    def adapter_input_shape(self, rows: np.ndarray) -> tuple[int, int]:
        """The shape of what enters the adapters for one member's rows: how many rows, and the tokens of the longest."""
        return len(rows), int(self.lengths[rows].max(initial=0))

    @abstractmethod
    def loss(self, pack: Pack, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        """L1 of each member, [P]: the losses of its `rows` [P, n], weighed by `weights` [P, n] and summed."""

    @abstractmethod
    def scores(self, pack: Pack, positions: list[np.ndarray]) -> list[Scored]:
        """Each member's figures on the examples at its `positions`, the study's metric and ``loss`` among them, and its
        answer to each of these examples, in their order."""

    @abstractmethod
    def answer(self, pack: Pack, row: int) -> torch.Tensor:
        """One member's answer to one row, computed as the model is used elsewhere: by every block."""

    def below(self, row: np.ndarray) -> Callable[[], object] | None:
        """The frozen work below the lowest adapted block for these rows, None where a step itself does all of it."""
        return None


def cross_entropies(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Each member's sum [P] of cross entropies, weighed by `weights` [P, n].

    They are of logits [P, n, classes] against labels [P·n].
    """
    each = F.cross_entropy(logits.flatten(0, 1), labels, reduction="none").view_as(weights)
    return (each * weights).sum(1)


def align(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows [P, n] of batches of different sizes, and weights [P, n] that make each member's mean.

    A shorter batch is filled up with a row that weighs nothing.
    """
    n = max(map(len, batches))
    filler = next(int(b[0]) for b in batches if len(b))
    rows = np.stack([np.concatenate([b, np.full(n - len(b), filler, dtype=np.int64)]) for b in batches])
    return rows, np.stack([(np.arange(n) < len(b)) / max(1, len(b)) for b in batches])


def in_turns(lengths: np.ndarray, rows: list[np.ndarray], budget: int) -> Iterator[list[np.ndarray]]:
    """Batches of like lengths for scoring, one of each member at a time.

    A member that has no more rows has an empty batch.
    """
    orders = [scoring_batches(lengths[r], budget) for r in rows]
    for step in range(max(map(len, orders))):
        yield [r[o[step]] if step < len(o) else r[:0] for r, o in zip(rows, orders, strict=True)]
