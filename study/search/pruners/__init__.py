"""Which trials stop before their last fold: the pruner that `pruner` names."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from study.core.build import TARGET, build
from study.core.errors import ConfigError
from study.search.pruners.base import Entry, Pruner, Race

if TYPE_CHECKING:
    from study.config.schema import StudyConfig

__all__ = ["Entry", "Pruner", "Race", "make"]


def make(config: StudyConfig, tolerance: float | None = None) -> Pruner:
    """The study's pruner, ours or one of Optuna's; ConfigError where it cannot be made or does not fit the study.

    Its target is offered `objectives`, `seed` and `studys_tolerance`, how much score one would give up for a cheaper
    model, None before the study's metric is known.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*experimental.*")  # who names a pruner has chosen it
        offered = {"objectives": config.objectives, "seed": config.study.seed, "studys_tolerance": tolerance}
        made = build("pruner", config.pruner, **offered)
    if isinstance(made, Pruner):
        return made
    from optuna.pruners import BasePruner

    from study.search.pruners.reported import Reported

    if isinstance(made, BasePruner):
        return Reported(made, config.objectives, config.search.round)
    remedy = f"write the dotted path of a subclass of {Pruner.__module__}.Pruner, or of a pruner of Optuna"
    raise ConfigError(f"pruner.{TARGET}={config.pruner[TARGET]}", "makes no Pruner", remedy)
