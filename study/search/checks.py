"""What would fail trials for a reason that is known before the first: each choice of the space against its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

from study import methods
from study.config.schema import ModelConfig, StudyConfig
from study.config.space import Space
from study.core import figures, stores
from study.core.errors import ConfigError
from study.data.examples import Examples
from study.engine import problems
from study.methods.base import NOTHING
from study.models import hub, targets
from study.models.geometry import Geometry
from study.record import Tracker
from study.search.objectives import score_and_costs

SHAPED = ("method.rank", "method.targets", "method.layers")  # keys whose values may not fit a model
UNREAD = ModelConfig()  # from which the keys come that change nothing of what a model reads

GeometryOf = Callable[[ModelConfig], Geometry]


def check_objectives(config: StudyConfig) -> None:
    """Raise ConfigError for an objective that no run logs, and where what ends the search cannot weigh them."""
    for name in config.objectives:
        figures.direction(name)
    if len(set(config.objectives)) < len(config.objectives):
        raise ConfigError(f"objectives={config.objectives}", "names one twice", "name each once")
    if config.search.stop is not None:
        score_and_costs(config.objectives, f"search.stop={config.search.stop}")


def check_addresses(config: StudyConfig, tracker: Tracker) -> None:
    """Raise ConfigError where the store, the record or the report's folder cannot be where they are said to be."""
    stores.check("storage.url", config.storage.url, stores.OPTUNA)
    tracker.check_address()
    stores.check_folder("report.dir", config.report.dir)


def check_trials(config: StudyConfig, space: Space, examples: Examples, geometry: GeometryOf) -> None:
    """Raise StudyError where a choice cannot be trained on these examples, whatever is chosen beside it."""
    with hub.quiet():
        _check_methods(config, space, geometry(config.model))
        _check_head(config, space, examples)
        for model in _models(config, space):
            problems.problem_of(examples).require(model, examples, geometry(model).tables)


def _models(config: StudyConfig, space: Space) -> tuple[ModelConfig, ...]:
    """Every model that trials may have, as it reads: precision changes nothing of that."""
    searched = {key: values for key, values in space.extremes().items() if key.startswith("model.")}
    chosen = [dict(zip(searched, values, strict=True)) for values in product(*searched.values())]
    trained = [config.configuration.with_values(values).model for values in chosen]
    departures = [config.model] if config.search.baselines else []
    return tuple(dict.fromkeys(replace(m, precision=UNREAD.precision) for m in (*departures, *trained)))


def _check_head(config: StudyConfig, space: Space, examples: Examples) -> None:
    """Refuse to train the head alone where there is none."""
    for kind in [config.method.kind, *space.extremes().get("method.kind", ())]:
        if not examples.outputs and methods.get(kind).leaves(config.method) == NOTHING:
            rule = "trains a new head alone, and a model that writes keeps its own, so that nothing would train"
            raise ConfigError(f"method.kind={kind}", rule, "choose another, such as lora, factorized or full")


def _check_methods(config: StudyConfig, space: Space, geometry: Geometry) -> None:
    """Try each choice of the space alone on the model, as large ranks and empty targets depend on it."""
    base = config.configuration.with_values(space.around())
    methods.of(base).adapt(base.method, geometry)
    if any(key.startswith("model.name") for key in space.distributions):
        return  # each model has its own shapes; a trial that does not fit its model fails by name
    for key, values in space.extremes().items():
        for value in values if key.startswith(SHAPED) else ():
            targets.select_ranks(base.with_values(space.around(key, value)).method, geometry.sites)
