"""Everything that is fixed before the first trial: data, folds, model geometry; every check is made here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from study import methods, tasks
from study.config.bounds import Bound
from study.config.rules import limits
from study.config.schema import BASELINES, SEARCHABLE, Configuration, MethodConfig, ModelConfig, StudyConfig
from study.config.space import Space, parse_space
from study.core import figures
from study.core.errors import StudyError
from study.core.formatting import plural
from study.core.records import Adaptation, Fold
from study.data import classes
from study.data import folds as splitting
from study.data.examples import Examples
from study.engine.costs.parameters import count_parameters
from study.engine.workbench import StudyData
from study.launch.base import Call, here
from study.methods.base import NOTHING
from study.models import backbones, targets
from study.models.backbones import Geometry
from study.search import checks, identity, pruners, samplers

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

    @property
    def data(self) -> StudyData:
        """What workers need: the folds, and the held-out test as one more fold at the end.

        That last fold trains on everything searched and is only ever used for the final scores.
        """
        last = Fold(len(self.folds), self.searched, self.test)
        return StudyData(self.examples, (*self.folds, last))

    @property
    def searched(self) -> np.ndarray:
        """Positions [n] of every example that the search may see, sorted."""
        return np.sort(np.concatenate([f.valid for f in self.folds]))

    @cached_property
    def _shapes(self) -> dict[ModelConfig, Geometry]:
        return {}

    def geometry(self, model: ModelConfig) -> Geometry:
        """What the model looks like as it reads this study's examples."""
        shaping = ModelConfig(model.name, pooling=model.pooling)  # no other key changes what it looks like
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
        size, first = math.prod(map(len, self.space.grid().values())), len(baselines(self))
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
        return backbones.marks(model_names(self.config, self.space))

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


def make_plan(config: StudyConfig, call: Call = here) -> Plan:
    """Load the task, fix the folds and hold every choice of the space against the model's shapes.

    What needs the models' libraries is done where `call` has it done. Raises StudyError where anything cannot work;
    no model has been loaded and nothing been created.
    """
    methods.check(config)
    space = parse_space(config)
    for kind in space.extremes().get("method.kind", ()):
        methods.get(kind)
    samplers.make(config.sampler, space, config.study.seed, 0)  # what it cannot be made of is said now
    pruners.make(config)
    examples = tasks.get(config.task.name).load(config.task, config.study.seed)
    examples = classes.handle_rare(examples, config.task.rare, config.study.folds, config.task.test_fraction)
    searched, test = splitting.split_test(examples, config.task.test_fraction, config.study.seed)
    folds = splitting.make_folds(examples, config.study.folds, config.study.seed, searched)
    plan = Plan(config, space, examples, folds.folds, folds.fingerprint, test)
    plan._shapes.update(call(_checked_shapes, plan))
    return plan


def _checked_shapes(plan: Plan) -> dict[ModelConfig, Geometry]:
    """The geometry of every model that trials may have; StudyError where a choice of the space does not fit one."""
    checks.check_trials(plan.config, plan.space, plan.examples, plan.geometry)
    return plan._shapes


def model_names(config: StudyConfig, space: Space) -> tuple[str, ...]:
    """The names of the models that trials may have, each once."""
    return tuple(dict.fromkeys([config.model.name, *space.extremes().get("model.name", ())]))


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
