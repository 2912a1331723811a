"""Pure functions from predictions to figures, and the one table of what is better."""

from __future__ import annotations

from typing import Literal

import numpy as np

from study.errors import ConfigError

Direction = Literal["maximize", "minimize"]
MAXIMIZE: Direction = "maximize"
MINIMIZE: Direction = "minimize"

METRICS: dict[str, Direction] = {
    "score": MAXIMIZE,
    "accuracy": MAXIMIZE,
    "macro_f1": MAXIMIZE,
    "rouge1": MAXIMIZE,
    "rouge2": MAXIMIZE,
    "rougeL": MAXIMIZE,
    "loss": MINIMIZE,
    "params/trainable": MINIMIZE,
    "params/adapter": MINIMIZE,
    "params/head": MINIMIZE,
    "params/total": MINIMIZE,
    "params/stored": MINIMIZE,
    "memory/train_bytes": MINIMIZE,
    "memory/peak_bytes": MINIMIZE,
    "time/train_seconds": MINIMIZE,
    "speed/tokens_per_second": MAXIMIZE,
    "latency/ms": MINIMIZE,
}


def direction(name: str) -> Direction:
    """maximize or minimize; raises ConfigError for a name that no run logs."""
    if name not in METRICS:
        raise ConfigError(f"objectives: {name}", "is no logged metric", f"choose among {', '.join(METRICS)}")
    return METRICS[name]


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
