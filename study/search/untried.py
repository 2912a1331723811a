"""Which configurations of a space have not been asked for: proposals that repeat one are asked for again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from study.config.schema import Configuration
from study.core import seeding
from study.core.errors import ConfigError
from study.search.plan import Plan
from study.search.stored import configuration_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from study.config.space import Space

REDRAWS = 8  # proposals of a sampler for one trial, before another configuration is drawn in its place
MOST = 4096  # configurations that are looked through for one that has not been asked for


class Untried:
    """What has been asked for in a study, as trainings: two configurations that train the same are one."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.trainings: set[object] = set()
        self.count = 0  # trials that have been looked at

    def follow(self, trials: Sequence[FrozenTrial]) -> None:
        """Take over, of all trials in their order, those that are new."""
        for trial in trials[self.count :]:
            self.add(configuration_of(trial))

    def add(self, configuration: Configuration) -> None:
        """The next trial's configuration."""
        self.trainings.add(self.plan.training(configuration))
        self.count += 1

    def repeats(self, configuration: Configuration) -> bool:
        """Whether the same training has been asked for."""
        return self.plan.training(configuration) in self.trainings

    def left(self) -> list[dict[str, Any]] | None:
        """The assignments of a finite space that have not been asked for; None where it is infinite or very large."""
        tree, base = self.plan.tree, self.plan.config.configuration
        try:
            size = tree.size()
        except ConfigError:
            return None
        if size > MOST:
            return None
        return [assigned for assigned in tree.assignments() if not self.repeats(base.with_values(assigned))]

    def kinds_left(self) -> list[str]:
        """The kinds of method of which something has not been asked for; none where other keys do not depend on it."""
        branches = self.plan.tree.branches()
        return [kind for kind, branch in branches.items() if self._has_more(branch)]

    def _has_more(self, branch: Space) -> bool:
        try:
            few = branch.size() <= MOST
        except ConfigError:
            return True
        base = self.plan.config.configuration
        return not few or not all(self.repeats(base.with_values(assigned)) for assigned in branch.assignments())

    def draw(self, left: list[dict[str, Any]], trial: int) -> dict[str, Any]:
        """One of these, by the study's seed and the trial's number."""
        return left[seeding.derive(self.plan.config.study.seed, "untried", trial) % len(left)]
