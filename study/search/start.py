"""The start of a study: what takes seconds begins at once, beside what this process imports itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from study import launch
from study.config.schema import StudyConfig
from study.core import network
from study.core.imports import import_beside
from study.models.embedded import EMBEDDED

if TYPE_CHECKING:
    from study.record import Tracker


def begin(config: StudyConfig) -> None:
    """Find out whether the Hub can be reached, and let what workers need be imported beside."""
    network.use_cache_if_offline(remote_names(config))
    launch.make(config).prepare()  # processes to come take over what has been found out


def import_beside_it(tracker: Tracker, report: Iterable[str]) -> AbstractContextManager[None]:
    """While open, what opening the stores takes is imported and, where there will be a report, what that takes."""
    from study.search import storage

    return import_beside((*storage.IMPORTS, *tracker.imports, *(() if tracker.unreported else report)))


def remote_names(config: StudyConfig) -> list[str]:
    """Models and data sets that may lie on the Hub."""
    searched = re.findall(r"[^,()\s'\"]+", config.space.get("model.name") or "")
    data = [str(config.task.path)] if config.task.name == "hub" else []
    return [name for name in (config.model.name, *searched, *data) if name not in (*EMBEDDED, "choice")]
