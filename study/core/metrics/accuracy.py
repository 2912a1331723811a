"""The share of labels that were predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def score(predicted: np.ndarray, labels: np.ndarray) -> float:
    """From 0 to 1, of predicted classes [n] and labels [n]."""
    return float((predicted == labels).mean())
