"""What has changed in what a training comes to: scores from before and after a change cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from study.config import Configuration


@dataclass(frozen=True)
class Change:
    """From trainings of version `version` on `what` is so; `concerns` says of a configuration whether it matters."""

    version: int
    what: str
    concerns: Callable[[Configuration], bool]


CHANGES = (
    Change(
        1,
        "clip and optimize L1 + L2/λ instead of λ·L1 + L2, whose gradient was cut more often the larger λ was",
        lambda configuration: configuration.method.lam is not None,
    ),
)
VERSION = max(change.version for change in CHANGES)


def change_since(version: int, configurations: Iterable[Configuration]) -> Change | None:
    """The first change after `version` that concerns any of the configurations; None where all train as they did."""
    trained = list(configurations)
    later = [change for change in CHANGES if change.version > version]
    return next((change for change in later if any(map(change.concerns, trained))), None)
