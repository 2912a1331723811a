"""The mean over the classes present of their F1, the harmonic mean of precision and recall."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def score(predicted: np.ndarray, labels: np.ndarray) -> float:
    """From 0 to 1, of predicted classes [n] and labels [n]; a class never predicted counts as 0."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predicted, average="macro", zero_division=0.0))
