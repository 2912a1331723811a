"""No pruner: every trial has all its folds."""

from __future__ import annotations

from study.config.members import Stop
from study.search.pruners.base import Pruner, Race


class NoPruner(Pruner):
    """Lets a round train whole, all folds of all its trials at once, and stops nothing."""

    def waves(self, folds: int) -> tuple[range, ...]:
        return (range(folds),)

    def stops(self, race: Race) -> tuple[Stop, ...]:
        return ()
