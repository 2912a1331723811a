"""A sampler that proposes what is expected to raise the front most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from optuna.trial import TrialState

from study.config.space import KIND
from study.core import seeding
from study.core.errors import ConfigError
from study.search.assigning_sampler import AssigningSampler, agrees
from study.search.objectives import score_and_costs
from study.search.surface.candidates import Assigned, fill
from study.search.surface.foresight import Foresight
from study.search.surface.prospects import Prospects, Told, survey, told_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

    from study.config.space import Space

FEWEST = 4  # trials from which effects are learned
MORE = 64  # assignments that are drawn by chance where nothing else is left to propose
_LAST: WeakKeyDictionary[Any, tuple[object, Prospects]] = WeakKeyDictionary()  # a round's trials share one prospects


class SurfaceSampler(AssigningSampler):
    """Proposes the assignment with the greatest expected gain on the front of score and costs.

    The first `n_startup_trials` fill the space; from then on the gains that untried assignments may have are drawn
    from the effects of all keys, alone and in pairs, and a gain counts beyond the `tolerance`. Costs that are known
    beforehand are taken as known; trials that run count as if they had been told, in every draw what they may come to.
    What is proposed depends on the study's seed and on the trials alone. Objectives must have one score.
    """

    def __init__(
        self, space: Space, objectives: Sequence[str], study_seed: int, foresight: Foresight | None = None,
        n_startup_trials: int = 8, tolerance: float = 0.0,
    ) -> None:  # fmt: skip
        if n_startup_trials < 2:
            rule = "is too few trials to learn effects from"
            raise ConfigError(f"sampler.n_startup_trials={n_startup_trials}", rule, "write 2 or more")
        if not tolerance >= 0:
            raise ConfigError(f"sampler.tolerance={tolerance}", "is negative", "write a difference of scores")
        score_and_costs(objectives, "sampler=surface")
        self.space, self.seed, self.startup = space, study_seed, n_startup_trials
        self.foresight, self.tolerance = foresight, tolerance

    def choose(self, study: Study, others: list[FrozenTrial], fixed: Mapping[str, Any]) -> Assigned:
        foresight = self.foresight
        assert foresight is not None  # a sampler that asks belongs to a plan
        asked = [self.space.read(t.params) for t in others]
        trained = {foresight.training(assigned) for assigned in asked}
        told = told_of(self.space, others, foresight)
        if len(others) < self.startup or len(told) < FEWEST:
            order = iter(fill(self.space, self.startup, self.seed)[len(others) :])
        else:
            running = [a for a, t in zip(asked, others, strict=True) if t.state == TrialState.RUNNING]
            order = _by_gain(self._prospects(study, told, foresight), running, self.tolerance)
        beside = self.space.branches().get(str(fixed.get(KIND)), self.space)
        by_chance = fill(beside, MORE, seeding.derive(self.seed, "chance", len(others)))
        possible = (a for a in (*order, *by_chance) if agrees(a, fixed) and foresight.is_possible(a))
        return next((a for a in possible if foresight.training(a) not in trained), by_chance[0])

    def _prospects(self, study: Study, told: Sequence[Told], foresight: Foresight) -> Prospects:
        """The prospects of those that are told, made once for all that are asked for before the next is told."""
        mark = [(sorted(assigned.items()), values) for assigned, values in told]
        kept = _LAST.get(study._storage)
        if kept is None or kept[0] != mark:
            kept = mark, survey(self.space, told, foresight, self.seed)
            _LAST[study._storage] = kept
        return kept[1]


def _by_gain(prospects: Prospects, running: Sequence[Assigned], tolerance: float) -> Iterator[Assigned]:
    """The untried assignments, those first that are expected to gain most beside what runs."""
    rows = [row for row, assigned in enumerate(prospects.assigned) if row >= prospects.told and assigned in running]
    gains = prospects.expected_gains(rows, tolerance)
    if not gains[prospects.told :].any():  # what gains less than the tolerance is better than nothing
        gains = prospects.expected_gains(rows)
    return (prospects.assigned[row] for row in np.argsort(-gains, kind="stable") if row >= prospects.told)
