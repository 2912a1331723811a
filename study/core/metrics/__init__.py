"""Metrics of predicted classes: a new one is a file here with a function `score`, and is logged, searched and shown."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))  # of each the larger is the better


def score(name: str, predicted: np.ndarray, labels: np.ndarray) -> float:
    """The metric of that name, one of NAMES, of predicted classes [n] against labels [n]."""
    return float(importlib.import_module(f"{__name__}.{name}").score(predicted, labels))


def scores(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Every metric of predicted classes [n] against labels [n], by its name."""
    return {name: score(name, predicted, labels) for name in NAMES}
