"""A grid of a space in which some keys are asked for beside certain kinds of method alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from study.core import seeding
from study.search.assigning_sampler import AssigningSampler, agrees

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from study.config.space import Space


class Branches(AssigningSampler):
    """Proposes every assignment once, in an order that the seed shuffles, and then again from the first.

    What a trial of an earlier version was asked for beside what its method reads does not count.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self.space = space
        assignments = list(space.assignments())
        self.order = sorted(assignments, key=lambda assigned: seeding.derive(seed, "grid", *map(str, assigned.items())))

    def choose(self, study: Study, others: list[FrozenTrial], fixed: Mapping[str, Any]) -> dict[str, Any]:
        counts = Counter(_mark(self.space.read(other.params)) for other in others)
        possible = (assigned for assigned in self.order if agrees(assigned, fixed))
        return min(possible, key=lambda assigned: counts[_mark(assigned)])


def _mark(assigned: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(assigned.items(), key=itemgetter(0)))
