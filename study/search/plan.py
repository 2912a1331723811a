"""Everything that is fixed before the first trial: data, folds, model geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from study import methods
from study.config.bounds import Bound
from study.config.members import Member
from study.config.rules import limits
from study.config.schema import BASELINES, SEARCHABLE, Configuration, MethodConfig, ModelConfig, StudyConfig
from study.config.space import Space
from study.core import figures, seeding
from study.core.errors import StudyError
from study.core.formatting import plural
from study.core.records import Adaptation, Fold
from study.data import folds as splitting
from study.data.examples import Examples
from study.data.study_data import StudyData
from study.engine.costs.parameters import count_parameters
from study.methods.base import NOTHING
from study.models import backbones, targets
from study.models.geometry import Geometry
from study.search import identity

GRID = "study.search.samplers.grid"


@dataclass(frozen=True)
class Plan:
    """A study that can run: nothing of it depends on time, machine or number of workers.

    `decided` are values of `config` that the machine chose where the configuration was written as `auto`, by key.
    """

    config: StudyConfig
    space: Space
    examples: Examples
    folds: tuple[Fold, ...]
    folds_fingerprint: str
    test: np.ndarray
    decided: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def tree(self) -> Space:
        """The space as trials are asked for it: no key beside a method that does not read it."""
        return methods.ask_what_is_read(self.space, self.config.method.kind)

    @property
    def data(self) -> StudyData:
        """What workers need: the folds, behind them the held-out test as one more, then further cross-validations'."""
        repeats = [fold for number in range(1, self.config.study.most_repeats) for fold in self.repeat(number)]
        return StudyData(self.examples, (*self.searched_and_tested, *repeats))

    @property
    def searched_and_tested(self) -> tuple[Fold, ...]:
        """The folds, and one that trains on everything searched and is only ever used for the final scores."""
        return *self.folds, Fold(len(self.folds), self.searched, self.test)

    @cached_property
    def _repeats(self) -> dict[int, tuple[Fold, ...]]:
        return {}

    def repeat(self, number: int) -> tuple[Fold, ...]:
        """The folds of further cross-validation `number`, from 1."""
        if number not in self._repeats:
            seed, k = self.config.study.seed, len(self.folds)
            self._repeats[number] = splitting.repeat_folds(self.examples, k, seed, self.searched, number)
        return self._repeats[number]

    @property
    def searched(self) -> np.ndarray:
        """Positions [n] of every example that the search may see, sorted."""
        return np.sort(np.concatenate([f.valid for f in self.folds]))

    @cached_property
    def _shapes(self) -> dict[ModelConfig, Geometry]:
        return {}

    def geometry(self, model: ModelConfig) -> Geometry:
        """What the model looks like as it reads this study's examples."""
        # No other key changes what it looks like.
        shaping = ModelConfig(model.name, pooling=model.pooling, trust_remote_code=model.trust_remote_code)
        if shaping not in self._shapes:
            self._shapes[shaping] = backbones.geometry(shaping, self.examples)
        return self._shapes[shaping]

    @property
    def shapes(self) -> Geometry:
        """The geometry of the model from which trials depart."""
        return self.geometry(self.config.model)

    @cached_property
    def constraints(self) -> tuple[Bound, ...]:
        """What a configuration of the front must keep."""
        return limits(self.config.constraints)

    def broken(self, figures: Mapping[str, float]) -> tuple[Bound, ...]:
        """The constraints that figures break, as far as they are known."""
        return tuple(b for b in self.constraints if b.name in figures and not b.holds(figures))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should hear before the first trial."""
        data = [f"{name}: {text}" for name, text in self.examples.notes.items() if text != "0"]
        chosen = [
            f"{key}=auto is {value} in this study, as it was chosen at its start" for key, value in self.decided.items()
        ]
        return tuple(filter(None, [*data, *chosen, targets.fused_note(self.shapes.sites), self._unfinished_grid()]))

    def _unfinished_grid(self) -> str | None:
        """What a person should hear of a grid that `study.trials` does not finish."""
        if self.config.sampler.get("_target_") != GRID:
            return None
        size, first = self.tree.size(), len(baselines(self))
        trained = max(0, self.config.study.trials - first)
        if trained >= size:
            return None
        return (
            f"The grid has {plural(size, 'configuration')}, of which {trained} would train beside "
            f"{plural(first, 'baseline')}: "
            f"study.trials={size + first} trains all."
        )

    @property
    def metric(self) -> str:
        """What `score` measures."""
        return self.examples.metric

    @property
    def tolerance(self) -> float:
        """How much score one would give up for a cheaper model: as the study says, or as is usual for its metric."""
        given = self.config.report.tolerance
        return figures.usual_tolerance(self.metric) if given is None else given

    @property
    def directions(self) -> list[Any]:
        """maximize or minimize, one for each objective."""
        return [figures.direction(name) for name in self.config.objectives]

    @cached_property
    def _adaptations(self) -> dict[tuple[ModelConfig, MethodConfig], Adaptation]:
        return {}

    def adaptation(self, configuration: Configuration) -> Adaptation:
        """What a configuration comes to on its model; StudyError where it does not fit."""
        key = configuration.model, configuration.method
        if key not in self._adaptations:
            geometry = self.geometry(configuration.model)
            self._adaptations[key] = methods.of(configuration).adapt(configuration.method, geometry)
        return self._adaptations[key]

    def adaptation_or_none(self, configuration: Configuration) -> Adaptation | None:
        """What a configuration comes to; None where it does not fit its model, which its trial will say."""
        try:
            return self.adaptation(configuration)
        except StudyError:
            return None

    def members(self, number: int, configuration: Configuration) -> list[Member]:
        """A trial's folds to be trained; StudyError where it does not fit its model.

        The seed is the fold's: trials are compared in pairs, fold by fold.
        """
        adaptation, seed = self.adaptation(configuration), self.config.study.seed
        return [
            Member(number, f.index, configuration, seeding.derive(seed, "fold", f.index), adaptation)
            for f in self.folds
        ]

    def known_figures(self, configuration: Configuration) -> dict[str, float]:
        """The figures of a configuration that are known before it trains; none where it does not fit its model."""
        adaptation = self.adaptation_or_none(configuration)
        if adaptation is None:
            return {}
        return count_parameters(configuration, adaptation, self.geometry(configuration.model), self.examples.outputs)

    def training(self, configuration: Configuration) -> tuple[Configuration, tuple[tuple[str, int], ...]]:
        """What a configuration trains on its model: equal where two train the same, however they name it."""
        method = methods.of(configuration)
        adapted = self.adaptation_or_none(configuration)
        if adapted is None:
            return method.canonical(configuration), ()
        if not adapted.trained:
            return methods.get("head").canonical(configuration.with_values({"method.kind": "head"})), ()
        default = MethodConfig()
        named = replace(configuration.method, rank=default.rank, targets=default.targets, layers=default.layers)
        return method.canonical(replace(configuration, method=named)), tuple(adapted.ranks.items())

    def label(self, configuration: Configuration) -> str:
        """A configuration's name, in which all that this study searches can be told apart."""
        usual = None if "method.kind" in self.space.distributions else self.config.method.kind
        return methods.of(configuration).label(configuration, self.space.distributions, usual)

    @cached_property
    def weights(self) -> dict[str, str]:
        """Marks of the models that are folders of the user's own: whatever has another name cannot change under it."""
        searched = self.space.extremes().get("model.name", ())
        return backbones.marks(tuple(dict.fromkeys([self.config.model.name, *searched])))

    @cached_property
    def facts(self) -> dict[str, str]:
        """Marks of what the configuration names: folds, data and local models."""
        files = {f"{identity.FILES}{name}": mark for name, mark in self.weights.items()}
        return {identity.FOLDS: self.folds_fingerprint, identity.DATA: self.examples.fingerprint, **files}

    @cached_property
    def values(self) -> identity.Values:
        """What must not change between the start of a study and its resumption; of what is decided, that it is."""
        values = identity.values_of(self.config, self.space.extremes(), self.facts)
        return {key: "auto" if key in self.decided else value for key, value in values.items()}

    def with_decisions(self, decided: Mapping[str, str]) -> Plan:
        """The same plan where the machine has chosen these values; what is known of the models is known to both."""
        configuration = self.config.configuration.with_values(decided)
        parts = {name: getattr(configuration, name) for name in SEARCHABLE}
        plan = replace(self, config=replace(self.config, **parts), decided=decided)
        plan._shapes.update(self._shapes)
        return plan

    @property
    def fingerprint(self) -> str:
        """A mark of these values."""
        return identity.fingerprint(self.values, identity.defaults_of(self.config))


def baselines(plan: Plan) -> dict[str, Configuration]:
    """What every front is held against, by a name: of `search.baselines` those that there are for this model.

    The head alone (if there is one), everything, LoRA as its authors advise.
    """
    base, named = plan.config.configuration, {}
    highest = backbones.highest_full_lr(plan.examples)
    for kind in (kind for kind in BASELINES if kind in plan.config.search.baselines):
        method = methods.get(kind)
        if plan.examples.outputs or method.leaves(base.method) != NOTHING:
            made = base.with_values(method.baseline(base, plan.shapes, highest))
            named[method.baseline_name(made.method)] = made
    return named
