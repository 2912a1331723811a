"""How trials end: what is written of them in the study's store, at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from study.config.members import Stop, TrialResult
from study.core.alone import costs_in_words
from study.core.records import FoldResult
from study.search.objectives import values
from study.search.plan import Plan
from study.search.samplers import CONSTRAINT
from study.search.stored import ESTIMATE

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, TrialState

LABEL, COSTED = "label", "costs"  # attributes of trials for people alone, who read them in Optuna's dashboard


@dataclass(frozen=True)
class EndedTrial:
    """A trial of which nothing trains any more, and the folds that it has.

    It repeats its `original`, or was `stopped`; its objectives are then what is estimated of them, for samplers.
    """

    trial: FrozenTrial
    folds: Mapping[int, FoldResult]
    original: int | None = None
    stopped: Stop | None = None
    estimate: list[float] | None = None


@dataclass(frozen=True)
class Closing:
    """The last state of a trial, its objectives' values where it is complete, and attributes beside it: the suite's
    own, and those that Optuna's samplers and dashboard look for."""

    trial: FrozenTrial
    state: TrialState
    values: list[float] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    system_attributes: Mapping[str, Any] = field(default_factory=dict)


def closing_of(plan: Plan, ended: EndedTrial, result: TrialResult, figures: Mapping[str, float]) -> Closing:
    """What is written of a trial that ended with this result, which these figures sum up."""
    from optuna.trial import TrialState

    said = {LABEL: plan.label(result.configuration), COSTED: costs_in_words(figures)}
    attributes: dict[str, Any] = {key: text for key, text in said.items() if text}
    if ended.original is not None:
        attributes["duplicate_of"] = ended.original
    beyond = _constraints(plan, {**plan.known_figures(result.configuration), **figures}) if plan.constraints else {}
    if result.stopped is not None:
        if ended.estimate is not None:
            attributes[ESTIMATE] = ended.estimate
        return Closing(ended.trial, TrialState.PRUNED, None, attributes, beyond)
    told = values(result, dict(figures), plan.config.objectives)
    state = TrialState.FAIL if told is None else TrialState.COMPLETE
    return Closing(ended.trial, state, told, attributes, beyond)


def _constraints(plan: Plan, figures: Mapping[str, float]) -> dict[str, float]:
    """How far these figures are beyond each constraint."""
    bounds = (bound for bound in plan.constraints if bound.name in figures)
    return {f"{CONSTRAINT}{bound}": bound.excess(figures[bound.name]) for bound in bounds}
