"""A grid of a space in which some keys are asked for beside certain kinds of method alone."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from study.core import seeding
from study.search.assigning_sampler import AssigningSampler

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
        self.next: dict[str, Any] = self.order[0]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        others = (other for other in study.get_trials(deepcopy=False) if other.number != trial.number)
        counts = Counter(_mark(self.space.read(other.params)) for other in others)
        self.next = min(self.order, key=lambda assigned: counts[_mark(assigned)])


def _mark(assigned: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(assigned.items(), key=itemgetter(0)))
