"""What samplers share that decide on all keys of a trial at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


class AssigningSampler(BaseSampler):
    """Decides on a trial's whole assignment before its first key, anew where keys were fixed to something else."""

    next: dict[str, Any]

    @abstractmethod
    def choose(self, study: Study, others: list[FrozenTrial], fixed: Mapping[str, Any]) -> dict[str, Any]:
        """The trial's whole assignment, with the `fixed` values; `others` are all other trials."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.next = self._choose(study, trial, {})

    def _choose(self, study: Study, trial: FrozenTrial, fixed: Mapping[str, Any]) -> dict[str, Any]:
        others = [other for other in study.get_trials(deepcopy=False) if other.number != trial.number]
        return self.choose(study, others, fixed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if not agrees(self.next, trial.params):
            self.next = self._choose(study, trial, trial.params)
        return self.next[param_name]


def agrees(assigned: Mapping[str, Any], fixed: Mapping[str, Any]) -> bool:
    """Whether an assignment has these values."""
    return all(key in assigned and assigned[key] == value for key, value in fixed.items())
