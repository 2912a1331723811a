"""What trials that have been told say of all assignments: what each may add to the front of gain and costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from study.core.figures import direction
from study.core.pareto import undominated_mask
from study.search.objectives import score_and_costs, toward_better
from study.search.surface.candidates import SPREAD, Assigned, candidates, neighbours
from study.search.surface.effect_model import EffectModel
from study.search.surface.foresight import Foresight

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from study.config.space import Space

AROUND = 256  # candidates near the best of a large space
DRAWS = 256
FEW = 64  # draws of a cost that is measured, of which the mean is taken
LOW = 3.0  # distances of the best from the median: gains that lie further below it are failures, all alike
BUDGETS = 32  # of one cost; of several, as many points between the least and the most

Told = tuple[Assigned, Sequence[float]]  # an assignment and its objectives' values


@dataclass(frozen=True)
class Prospects:
    """Rows are assignments: the first `told` were told, the others may be tried.

    `draws` [S, n] are gains (scores, higher is better) that may be true; `costs` [n, K] what each takes (lower is
    better); `beside` [B, 1 + K] the gains and costs of what lies outside the space.
    """

    assigned: Sequence[Assigned]
    draws: np.ndarray
    costs: np.ndarray
    told: int
    beside: np.ndarray

    def expected_gains(self, asked: Sequence[int] = (), tolerance: float = 0.0) -> np.ndarray:
        """How much [n] each row is expected to raise the best gain that a budget buys, on average over the budgets.

        A rise counts beyond the `tolerance`. The rows that are `asked` for but not told yet count as if they were.
        """
        budgets, rises = self._budgets, np.zeros(self.draws.shape[1])
        rivals = [*range(self.told), *asked]
        for budget in budgets:
            best = self._best(rivals, budget) + tolerance
            within = (self.costs <= budget).all(axis=1)
            rises[within] += np.maximum(self.draws[:, within] - best[:, None], 0).mean(axis=0)
        return rises / len(budgets)

    def expected_rise(self, row: int) -> float:
        """How much the row is expected to raise the best gain among what costs no more."""
        best = self._best(range(self.told), self.costs[row])
        return float(np.maximum(self.draws[:, row] - best, 0).mean())

    def _best(self, rows: Sequence[int], budget: np.ndarray) -> np.ndarray:
        """The best true gain [S] among those rows and what lies beside, within the budget [K]; else the lowest."""
        place = np.asarray(rows, int)
        affordable = place[(self.costs[place] <= budget).all(axis=1)]
        best = self._lowest if not len(affordable) else self.draws[:, affordable].max(axis=1)
        others = self.beside[(self.beside[:, 1:] <= budget).all(axis=1), 0]
        return np.maximum(best, others.max()) if len(others) else best

    @cached_property
    def _lowest(self) -> np.ndarray:
        """The lowest gain [S] that was told: what one has where nothing is affordable."""
        return np.asarray(self.draws[:, : self.told].min(axis=1))

    @cached_property
    def _budgets(self) -> np.ndarray:
        """Budgets [n, K] from the least to the most that is asked, spread by ratio where costs are positive."""
        if not self.costs.shape[1]:
            return np.zeros((1, 0))
        low, high = self.costs.min(axis=0), self.costs.max(axis=0)
        return np.column_stack([_spread(*ends, shift) for shift, ends in enumerate(zip(low, high, strict=True))])


def _spread(low: float, high: float, shift: int) -> np.ndarray:
    """Values from `low` to `high`, in an order of its own for each `shift`; of the first, the order is theirs."""
    places = (np.arange(1, BUDGETS + 1) * (2 * shift + 1) ** 2 % (BUDGETS + 1)) / BUDGETS
    return np.asarray(low * (high / low) ** places if low > 0 else low + places * (high - low))


def told_of(space: Space, trials: Sequence[FrozenTrial], foresight: Foresight) -> list[Told]:
    """What the trials of a study in memory tell: those with values of their own, whose configurations fit their models.

    What breaks a bound by a figure that is known was not trained, and has values for samplers that need some.
    """
    told = [(space.read(trial.params), trial.values) for trial in trials if trial.state.name == "COMPLETE"]
    return [(assigned, values) for assigned, values in told if foresight.is_possible(assigned)]


def expected_rise(space: Space, told: Sequence[Told], foresight: Foresight, seed: int) -> float:
    """How much the best of what is untried is expected to add to the best gain among what costs no more."""
    prospects = survey(space, told, foresight, seed)
    trained = {foresight.training(assigned) for assigned, _ in told}
    untried = [row for row, assigned in enumerate(prospects.assigned) if foresight.is_possible(assigned)]
    rises = sorted(((prospects.expected_rise(row), row) for row in untried), reverse=True)
    best = (rise for rise, row in rises if foresight.training(prospects.assigned[row]) not in trained)
    return next(best, 0.0)


def survey(space: Space, told: Sequence[Told], foresight: Foresight, seed: int) -> Prospects:
    """The prospects on what was told and on candidates all over the space, of a large one also around the best."""
    others = candidates(space, seed)
    if len(others) == SPREAD:
        others += neighbours(space, _best(told, foresight), AROUND, seed)
    return look(space, told, others, foresight, seed)


def _best(told: Sequence[Told], foresight: Foresight) -> list[Assigned]:
    """The front of what was told."""
    directions = [direction(name) for name in foresight.objectives]
    front = undominated_mask(np.array([values for _, values in told], float), directions)
    return [assigned for (assigned, _), on in zip(told, front, strict=True) if on]


def look(space: Space, told: Sequence[Told], others: Sequence[Assigned], foresight: Foresight, seed: int) -> Prospects:
    """The prospects of what was told and of what may be tried; costs are modelled where they are only measured."""
    score, costs = score_and_costs(foresight.objectives, "the surface")
    place = {name: i for i, name in enumerate(foresight.objectives)}
    values, rows = np.array([v for _, v in told], float), [*(assigned for assigned, _ in told), *others]
    model = EffectModel(space, rows, seed)
    gains = _without_failures(toward_better(score) * values[:, place[score]])
    draws = np.broadcast_to(model.draw(gains, DRAWS), (DRAWS, len(rows)))
    known = [_cost(name, rows, values[:, place[name]], foresight, model) for name in costs]
    beside = [[toward_better(n) * v[place[n]] * (1 if n == score else -1) for n in (score, *costs)]
              for v in foresight.beside.values()]  # fmt: skip
    return Prospects(
        rows, draws, np.array(known, float).reshape(len(costs), len(rows)).T, len(told),
        np.array(beside, float).reshape(len(beside), 1 + len(costs)),
    )  # fmt: skip


def _without_failures(gains: np.ndarray) -> np.ndarray:
    """The gains with those of diverged trials brought nearer, whose depth says nothing of the others."""
    middle, best = float(np.median(gains)), float(gains.max())
    return np.asarray(np.maximum(gains, middle - LOW * (best - middle))) if best > middle else gains


def _cost(
    name: str, rows: Sequence[Assigned], measured: np.ndarray, foresight: Foresight, model: EffectModel
) -> np.ndarray:
    """What each row takes [n], lower is better: as known beforehand, else as measured, else as others suggest."""
    known = np.array([foresight.figures(row).get(name, np.nan) for row in rows])
    if np.isnan(known).any():
        by_ratio = bool((measured > 0).all())
        drawn = model.draw(np.log(measured) if by_ratio else measured, FEW).mean(axis=0)
        modelled = np.broadcast_to(np.exp(drawn) if by_ratio else drawn, len(rows)).copy()
        modelled[: len(measured)] = measured
        known = np.where(np.isnan(known), modelled, known)
    return -toward_better(name) * known
