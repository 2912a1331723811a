"""Pure functions from predictions to scores."""

from __future__ import annotations

import numpy as np


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The share of labels that were predicted."""
    return float((predicted == labels).mean())


def macro_f1(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The mean over the classes present of their F1."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predicted, average="macro", zero_division=0.0))


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
    """accuracy, macro_f1 and loss of logits [n, classes]."""
    predicted = logits.argmax(1)
    return {
        "accuracy": accuracy(predicted, labels),
        "macro_f1": macro_f1(predicted, labels),
        "loss": cross_entropy(logits, labels),
    }
