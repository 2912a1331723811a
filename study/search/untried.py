"""Which configurations of a space have not been asked for: proposals that repeat one are asked for again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from study.config.schema import Configuration
from study.core import seeding
from study.core.errors import ConfigError
from study.search.plan import Plan
from study.search.stored import PASSED_OVER, configuration_of
from study.search.surface.foresight import Foresight

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from study.config.space import Space

REDRAWS = 8  # proposals of a sampler for one trial, before another configuration is drawn in its place
MOST = 4096  # configurations that are looked through for one that has not been asked for


class Untried:
    """What has been asked for in a study, as trainings: two configurations that train the same are one."""

    def __init__(self, plan: Plan, foresight: Foresight) -> None:
        self.plan, self.foresight = plan, foresight
        self.trainings: set[object] = set()
        self.count = self.passed_over = 0  # trials that have been looked at, those among them that take no place

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Take over, of all trials in their order, those that are new."""
        for trial in trials[self.count :]:
            self.add(configuration_of(trial))
            self.passed_over += PASSED_OVER in trial.user_attrs

    def add(self, configuration: Configuration) -> None:
        """The next trial's configuration."""
        self.trainings.add(self.plan.training(configuration))
        self.count += 1

    def note(self, assigned: Mapping[str, Any]) -> None:
        """That this assignment has been asked for, in a trial that is still to be added."""
        self.trainings.add(self.foresight.training(assigned))

    def repeats(self, assigned: Mapping[str, Any]) -> bool:
        """Whether the same training has been asked for."""
        return self.foresight.training(assigned) in self.trainings

    def left(self) -> list[dict[str, Any]] | None:
        """The assignments of a finite space that have not been asked for and break no bound, as far as that is known;
        None where it is infinite or very large."""
        if not _is_small(self.plan.tree):
            return None
        return [assigned for assigned in self.plan.tree.assignments() if self._is_left(assigned)]

    def is_used_up(self) -> bool:
        """Whether nothing is :meth:`left`; what was once seen to have been asked for is not looked at again."""
        if not _is_small(self.plan.tree):
            return False
        while self._order and not self._is_left(self._order[-1]):
            self._order.pop()
        return not self._order

    def has_possible(self) -> bool:
        """Whether anything in a finite space breaks no bound, asked for or not."""
        return any(map(self.foresight.keeps_bounds, self.plan.tree.assignments()))

    @cached_property
    def _order(self) -> list[dict[str, Any]]:
        return [*self.plan.tree.assignments()]

    def _is_left(self, assigned: Mapping[str, Any]) -> bool:
        return self.foresight.keeps_bounds(assigned) and not self.repeats(assigned)

    def kinds_left(self) -> list[str]:
        """The kinds of method of which something is left to ask for; none where other keys do not depend on it."""
        branches = self.plan.tree.branches()
        return [kind for kind, branch in branches.items() if self._has_more(branch)]

    def _has_more(self, branch: Space) -> bool:
        return not _is_small(branch) or any(map(self._is_left, branch.assignments()))

    def draw(self, left: list[dict[str, Any]], trial: int) -> dict[str, Any]:
        """One of these, by the study's seed and the trial's number."""
        return left[seeding.derive(self.plan.config.study.seed, "untried", trial) % len(left)]


def _is_small(space: Space) -> bool:
    """Whether all of its assignments can be looked through."""
    try:
        return space.size() <= MOST
    except ConfigError:
        return False
