"""What of a configuration decides what it costs: two that are equal here cost the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from study import methods
from study.config.schema import Configuration, TrainConfig


def step_of(configuration: Configuration) -> Configuration:
    """The configuration without what changes neither shapes nor the kind of work."""
    return _keep(configuration, "batch_size")


def work_of(configuration: Configuration) -> Configuration:
    """The configuration without what changes neither shapes nor the kind and the amount of work."""
    return _keep(configuration, "batch_size", "epochs")


def _keep(configuration: Configuration, *names: str) -> Configuration:
    """The configuration with the usual training, but for these keys of it; whether λ and dropout are there is kept."""
    c = methods.of(configuration).canonical(configuration)
    kept: dict[str, Any] = {name: getattr(c.train, name) for name in names}
    train = replace(TrainConfig(), **kept, dropout=0.5 if c.train.dropout else 0.0)
    return replace(c, method=replace(c.method, lam=None if c.method.lam is None else 1.0), train=train)
