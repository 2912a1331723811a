"""Formats: how a trained model is kept. A new one is a file here with a `FORMAT`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from study.core.errors import ConfigError

if TYPE_CHECKING:
    from study.export.formats.base import Format

FIRST = ("peft", "merged", "compressed", "onnx")  # of several, the first is the one that MLflow registers
PRESENT = {module.name for module in pkgutil.iter_modules(__path__) if module.name != "base"}
FORMATS = (*(name for name in FIRST if name in PRESENT), *sorted(PRESENT.difference(FIRST)))


def get(name: str) -> Format:
    """The format of that name; ConfigError where there is none."""
    if name not in FORMATS:
        raise ConfigError(f"format={name}", "is no format", f"choose among {', '.join(FORMATS)}, or all")
    made: Format = importlib.import_module(f"{__name__}.{name}").FORMAT
    return made
