"""Where members train: the launcher that `launcher` names, carrying workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.core.build import build
from study.launch.base import Launcher, Packs, WorkerDied, nothing
from study.launch.worker import Worker

if TYPE_CHECKING:
    from study.config.schema import StudyConfig

__all__ = ["Launcher", "Packs", "Worker", "WorkerDied", "make", "nothing"]


def make(config: StudyConfig) -> Launcher:
    """The study's launcher, with nothing started; ConfigError where it cannot be made."""
    return build("launcher", config.launcher, Launcher)  # type: ignore[no-any-return]
