"""The contract of a pruner: which trials of a round need no more of their folds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from study.config.members import Stop
from study.core.records import FoldResult

State = Literal["running", "complete", "stopped", "failed"]


@dataclass(frozen=True)
class Entry:
    """A trial as a pruner sees it.

    `folds` are the results that count at this point of the round, by fold; `known` are the figures that are known of
    its configuration before it trains (``params/...``); `open` is whether it may still be stopped: it runs, is no
    baseline, and no decision about it at this point is there yet.
    """

    number: int
    state: State
    folds: Mapping[int, FoldResult]
    known: Mapping[str, float] = field(default_factory=dict)
    open: bool = False

    @property
    def scores(self) -> list[float]:
        """The scores of its folds, in their order; those that failed have none."""
        return [self.folds[k].score for k in sorted(self.folds) if self.folds[k].score is not None]  # type: ignore[misc]


@dataclass(frozen=True)
class Race:
    """A study at a fixed point of a round, between two waves: its trials by number, those that repeat others left out.

    `sizes` are the held-out examples of each fold, `grain` is how much one answer is apt to change (ScoreTable).
    """

    entries: Sequence[Entry]
    sizes: Sequence[int]
    grain: float = 0.0

    @property
    def open(self) -> Iterator[Entry]:
        """The trials that may still be stopped."""
        return (entry for entry in self.entries if entry.open)


class Pruner(ABC):
    """Says between the waves of a round which trials stop. Guarantees:

    a decision depends on the arguments and on the race alone, never on time; asked about a race in which some of its
    decisions are already taken (those trials are stopped, the rest still open), it takes the others as it would have;
    only open trials are stopped, each once, with as many folds as it has.
    """

    @abstractmethod
    def waves(self, folds: int) -> tuple[range, ...]:
        """The folds of a study in the order in which a round trains them: a wave ends before the next one begins."""

    @abstractmethod
    def stops(self, race: Race) -> Sequence[Stop]:
        """What stops before the coming wave, the first one included; in the order of the decisions."""
