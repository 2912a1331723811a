"""Pure functions from logits to losses and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from study.core import metrics
from study.core.answers import Answers, Scored


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean negative log likelihood of labels [n] under logits [n, classes]."""
    x = logits.astype(np.float64)
    x = x - x.max(1, keepdims=True)
    return float((np.log(np.exp(x).sum(1)) - x[np.arange(len(x)), labels]).mean())


def binary_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean negative log likelihood of labels [n] of 0 and 1 under logits [n]."""
    x = logits.astype(np.float64)
    return float((np.logaddexp(0, x) - labels * x).mean())


def classification(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Every metric, and the loss, of logits [n, classes]."""
    return {**metrics.scores(logits.argmax(1), labels), "loss": cross_entropy(logits, labels)}


def score_classes(logits: np.ndarray, labels: np.ndarray) -> Scored:
    """The same figures with the class that each example was given."""
    return Scored(classification(logits, labels), Answers(predicted=logits.argmax(1)))


def score_texts(overlaps: Mapping[str, np.ndarray], losses: Sequence[float], metric: str) -> Scored:
    """Means over texts of each ROUGE [n] and of the losses [n]; a text is worth its ROUGE that is the metric."""
    means = {name: float(values.mean()) for name, values in overlaps.items()}
    return Scored({**means, "loss": float(np.mean(losses))}, Answers(worth=overlaps[metric]))
