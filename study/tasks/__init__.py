"""Tasks: a new one is a file here with a `TASK`, and a YAML under conf/task."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from study.core.errors import ConfigError

if TYPE_CHECKING:
    from study.tasks.base import Task


def names() -> list[str]:
    """The tasks that there are."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "base")


def get(name: str) -> Task:
    """The task of that name; ConfigError where there is none."""
    if name not in names():
        raise ConfigError(f"task.name={name}", "is no task", f"choose one of {', '.join(names())}")
    task: Task = importlib.import_module(f"{__name__}.{name}").TASK
    return task
