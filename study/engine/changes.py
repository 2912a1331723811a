"""What has changed in what a training comes to: scores from before and after a change cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from study.config.schema import Configuration
from study.core.records import Adaptation

# A configuration with what it comes to on its model; None where it does not fit.
Trained = tuple[Configuration, Adaptation | None]


@dataclass(frozen=True)
class Change:
    """A change in what trainings compute, from `version` on.

    `what` says it in words; `concerns` says whether it touches a configuration.
    """

    version: int
    what: str
    concerns: Callable[[Trained], bool]


def _adapts_shared_rows(trained: Trained) -> bool:
    """Whether the configuration adapts layers whose input all rows of a batch share, and so cannot train in a pack."""
    _, adaptation = trained
    return adaptation is not None and bool(adaptation.ranks) and not adaptation.packs


CHANGES = (
    Change(
        1,
        "clip and optimize L1 + L2/λ instead of λ·L1 + L2, whose gradient was cut more often the larger λ was",
        lambda trained: trained[0].method.lam is not None,
    ),
    Change(
        2,
        "adapt relative positions for one member at a time, which came out wrong in packs of several",
        _adapts_shared_rows,
    ),
)
VERSION = max(change.version for change in CHANGES)


def change_since(version: int, configurations: Iterable[Trained]) -> Change | None:
    """The first change after `version` that concerns any of the configurations; None where all train as they did."""
    trained = list(configurations)
    later = [change for change in CHANGES if change.version > version]
    return next((change for change in later if any(map(change.concerns, trained))), None)
