"""A tiny graph of two communities, and a bench that classifies its nodes; needs torch_geometric."""

from __future__ import annotations

import numpy as np
import torch

from study.config.schema import Configuration, MethodConfig, ModelConfig, TrainConfig
from study.core.records import Fold
from study.data.examples import Graph
from study.engine.workbench import StudyData, Workbench

NODES, WORDS = 48, 20
TRAIN = ("epochs", "batch_size", "lr", "weight_decay", "warmup", "clip", "dropout")


def communities(seed: int = 0, unlabelled: int = 6) -> Graph:
    """Nodes that mostly link to, and mostly share words with, their own community; all but a few have a label."""
    rng = np.random.default_rng(seed)
    side = np.arange(NODES) % 2
    same = side[:, None] == side
    links = np.argwhere(np.triu(rng.random((NODES, NODES)) < np.where(same, 0.2, 0.02), 1))
    words = rng.random((NODES, WORDS)) < np.where((np.arange(WORDS) % 2) == side[:, None], 0.4, 0.1)
    labelled = np.arange(NODES - unlabelled)
    edges = np.ascontiguousarray(np.concatenate([links, links[:, ::-1]]).T.astype(np.int64))
    return Graph(words.astype(np.uint8), edges, labelled, side[labelled], ("even", "odd"))


def thirds(count: int) -> tuple[Fold, ...]:
    """Three folds."""
    part = np.arange(count) // 2 % 3
    return tuple(Fold(k, np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(3))


def bench(name: str, graph: Graph | None = None, dtype: torch.dtype = torch.float64) -> Workbench:
    """A bench over the graph, with a network that has learned nothing yet."""
    graph = communities() if graph is None else graph
    made = Workbench(StudyData(graph, thirds(len(graph))), torch.device("cpu"))
    made.encoder(model(name)).backbone.to(dtype)
    return made


def model(name: str) -> ModelConfig:
    """The network of that name with random weights."""
    return ModelConfig(name=name, random_weights=True)


def configuration(name: str, **values: object) -> Configuration:
    """A configuration of that network; keys of training are told from those of the method by their names."""
    train = {"epochs": 3, "batch_size": 1000, "lr": 1e-2} | {k: v for k, v in values.items() if k in TRAIN}
    method = {"rank": 2, "targets": "all-linear"} | {k: v for k, v in values.items() if k not in TRAIN}
    return Configuration(model(name), MethodConfig(**method), TrainConfig(**train))  # type: ignore[arg-type]
