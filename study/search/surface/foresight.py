"""What is known of an assignment before it trains: its costs, whether it may be on the front, what it trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from study.core.figures import usual_tolerance

if TYPE_CHECKING:
    from study.config.schema import Configuration
    from study.search.plan import Plan

WEIGHTLESS = ("method.lam", "method.alpha", "method.scaling")  # keys that change no count of parameters


@dataclass(frozen=True)
class Foresight:
    """The plan's knowledge of assignments. `beside` are the values of the baselines told so far, by trial."""

    plan: Plan
    beside: Mapping[int, Sequence[float]] = field(default_factory=dict)

    @property
    def objectives(self) -> list[str]:
        """The study's objectives, in their order."""
        return self.plan.config.objectives

    @property
    def tolerance(self) -> float:
        """How much score one would give up for a cheaper model."""
        given = self.plan.config.report.tolerance
        return usual_tolerance(self.plan.metric) if given is None else given

    def figures(self, assigned: Mapping[str, Any]) -> Mapping[str, float]:
        """The figures that are known; none where the configuration does not fit its model."""
        shaping = {k: v for k, v in assigned.items() if k not in WEIGHTLESS and not k.startswith("train.")}
        mark = json.dumps(shaping, sort_keys=True)
        if mark not in self._figures:
            self._figures[mark] = self.plan.known_figures(self._configuration(shaping))
        return self._figures[mark]

    def is_possible(self, assigned: Mapping[str, Any]) -> bool:
        """Whether nothing that is known keeps it from the front."""
        figures = self.figures(assigned)
        return bool(figures) and not self.plan.broken(figures)

    def keeps_bounds(self, assigned: Mapping[str, Any]) -> bool:
        """Whether no figure that is known breaks a constraint."""
        return not self.plan.constraints or not self.plan.broken(self.figures(assigned))

    def training(self, assigned: Mapping[str, Any]) -> object:
        """What it trains: equal where two train the same."""
        return self.plan.training(self._configuration(assigned))

    def _configuration(self, assigned: Mapping[str, Any]) -> Configuration:
        return self.plan.config.configuration.with_values(assigned)

    @cached_property
    def _figures(self) -> dict[str, Mapping[str, float]]:
        return {}
