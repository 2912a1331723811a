"""The record of a study beside its store: the tracker that `tracking` names, written behind the driver's back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core.build import build
from study.record.behind import Behind
from study.record.tracker import Finished, Tracker

if TYPE_CHECKING:
    from study.config.schema import StudyConfig

__all__ = ["Finished", "Tracker", "make"]


def make(config: StudyConfig) -> Tracker:
    """The study's tracker, whose calls return at once; creates nothing, ConfigError where it cannot be made."""
    return Behind(build("tracking", config.tracking, Tracker))
