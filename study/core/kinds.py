"""One kind of examples, in each of several rooms: its file there is found by its name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from study.core.errors import ConfigError


def has(room: str, kind: str) -> bool:
    """Whether that package has a file for the kind."""
    return f"{room}.{kind}" in sys.modules or importlib.util.find_spec(f"{room}.{kind}") is not None


def module(room: str, kind: str) -> ModuleType:
    """The file of that kind in a package such as ``study.engine.problems``; ConfigError where it has none.

    No kind stands in for another: what a room does not know, it does not treat as if it were texts.
    """
    name = f"{room}.{kind}"
    if not has(room, kind):
        file = f"{name.replace('.', '/')}.py"
        raise ConfigError(f"examples of the kind {kind}", f"have no {file}", "add that file, as other kinds have it")
    return importlib.import_module(name)
