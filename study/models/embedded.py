"""Names of models that no one keeps on the Hub: they come with Python packages, or are built here."""

from __future__ import annotations

from study.config.schema import ModelConfig
from study.core.errors import ConfigError

ENCODERS = ("minilm",)
GRAPHS = ("gcn", "sage", "gat")
EMBEDDED = (*ENCODERS, *GRAPHS)


def refuse_graph_network(model: ModelConfig) -> None:
    """Raise ConfigError where a graph network is to read what is no graph."""
    if model.name in GRAPHS:
        rule = "reads graphs, and this task has none"
        raise ConfigError(f"model.name={model.name}", rule, "choose task=nodes, or a model that reads texts")
