"""Which trials stop before their last fold: the pruner that `pruner` names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core.build import build
from study.search.pruners.base import Entry, Pruner, Race

if TYPE_CHECKING:
    from study.config.schema import StudyConfig

__all__ = ["Entry", "Pruner", "Race", "make"]


def make(config: StudyConfig) -> Pruner:
    """The study's pruner, whose target is offered `objectives` and `seed`; ConfigError where it cannot be made."""
    return build("pruner", config.pruner, Pruner, objectives=config.objectives, seed=config.study.seed)  # type: ignore[no-any-return]
