"""Everything that is fixed before the first trial: data, folds, model geometry; every check is made here."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from study import classes, metrics, tasks
from study import folds as splitting
from study.config import Configuration, MethodConfig, ModelConfig, StudyConfig
from study.engine.workbench import StudyData
from study.errors import StudyError
from study.examples import Examples
from study.models import backbones, targets
from study.models.backbones import Geometry
from study.models.targets import LinearSite
from study.records import Fold
from study.search import checks, resume
from study.search.space import Space, parse_space
from study.wording import plural


@dataclass(frozen=True)
class Plan:
    """A study that can run: nothing of it depends on time, machine or number of workers."""

    config: StudyConfig
    space: Space
    examples: Examples
    folds: tuple[Fold, ...]
    folds_fingerprint: str
    test: np.ndarray

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

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should hear before the first trial."""
        data = [f"{name}: {text}" for name, text in self.examples.notes.items() if text != "0"]
        return tuple(filter(None, [*data, targets.fused(self.shapes.sites), self._unfinished_grid()]))

    def _unfinished_grid(self) -> str | None:
        """What a person should hear of a grid that `study.trials` does not finish."""
        if self.config.sampler.name != "grid":
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
    def directions(self) -> list[Any]:
        """maximize or minimize, one for each objective."""
        return [metrics.direction(name) for name in self.config.objectives]

    def training(self, configuration: Configuration) -> tuple[Configuration, tuple[tuple[str, int], ...]]:
        """What a configuration comes to on its model: equal where two train the same, however they name it."""
        method = configuration.method
        try:
            adapted = targets.select_ranks(method, self.geometry(configuration.model).sites)
        except StudyError:  # it does not fit its model, which its own training will say
            return configuration.canonical(), ()
        if not adapted and method.kind != "full":
            return configuration.with_values({"method.kind": "head"}).canonical(), ()
        default = MethodConfig()
        named = replace(method, rank=default.rank, targets=default.targets, layers=default.layers)
        return replace(configuration, method=named).canonical(), tuple((s.name, rank) for s, rank in adapted.items())

    def label(self, configuration: Configuration) -> str:
        """A configuration's name, in which all that this study searches can be told apart."""
        usual = None if "method.kind" in self.space.distributions else self.config.method.kind
        return configuration.label(self.space.distributions, usual)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What must not change between the start of a study and its resumption."""
        kept = resume.settings(self.config)
        kept |= {"folds": self.folds_fingerprint, "data": self.examples.fingerprint}
        folders = backbones.marks(model_names(self.config, self.space))
        return kept | ({"weights": folders} if folders else {})  # what has another name cannot change under it

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the identity."""
        return hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:16]


def make_plan(config: StudyConfig) -> Plan:
    """Load the task, fix the folds and hold every choice of the space against the model's shapes.

    Raises StudyError where anything cannot work; no model has been loaded and nothing been created.
    """
    space = parse_space(config)
    examples = tasks.get(config.task.name).load(config.task, config.study.seed)
    examples = classes.settle_rare(examples, config.task.rare, config.study.folds, config.task.test_fraction)
    searched, test = splitting.split_test(examples, config.task.test_fraction, config.study.seed)
    folds = splitting.make_folds(examples, config.study.folds, config.study.seed, searched)
    plan = Plan(config, space, examples, folds.folds, folds.fingerprint, test)
    checks.check_trials(config, space, examples, plan.geometry)
    return plan


def model_names(config: StudyConfig, space: Space) -> tuple[str, ...]:
    """The names of the models that trials may have, each once."""
    return tuple(dict.fromkeys([config.model.name, *space.extremes().get("model.name", ())]))


def baselines(plan: Plan) -> dict[str, Configuration]:
    """What every front is held against, by a name: of `search.baselines` those that there are for this model.

    The head alone (if there is one), everything, LoRA as its authors advise.
    """
    base, wanted = plan.config.configuration, set(plan.config.search.baselines)
    lora = _usual_lora(plan.shapes.sites)
    full = {"method.kind": "full", "train.lr": min(base.train.lr, backbones.highest_full_lr(plan.examples))}
    named: dict[str, tuple[str, dict[str, Any]]] = {
        "head": ("head", {"method.kind": "head"}),
        "full": ("full", full),
        "lora": (f"lora r{lora['method.rank']} {lora['method.targets']}", lora),
    }
    if not plan.examples.outputs:
        wanted.discard("head")
    return {name: base.with_values(values) for kind, (name, values) in named.items() if kind in wanted}


def _usual_lora(sites: tuple[LinearSite, ...]) -> dict[str, Any]:
    """Rank 8 on queries and values; on every linear layer of a model that has none, or none that are known."""
    named = "qv" if any(targets.matches("qv", s) for s in sites) else "all-linear"
    limit = min(s.limit for s in sites if targets.matches(named, s))
    return {
        "method.kind": "lora",
        "method.rank": min(8, limit),
        "method.alpha": 16.0,
        "method.lam": None,
        "method.targets": named,
        "method.layers": "all",
    }
