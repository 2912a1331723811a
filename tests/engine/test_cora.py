"""Networks on Cora itself: their frozen states tell the subjects, and nothing tells shuffled ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import member_of

from study import tasks
from study.config.schema import Configuration, MethodConfig, ModelConfig, TaskConfig, TrainConfig
from study.data.examples import Graph
from study.data.folds import make_folds, split_test
from study.engine.train import train_pack
from study.engine.workbench import StudyData, Workbench

pytest.importorskip("torch_geometric")
HEAD = Configuration(
    ModelConfig(name="gcn"), MethodConfig(kind="head"), TrainConfig(epochs=100, lr=1e-2, batch_size=4096)
)


@pytest.fixture(params=[pytest.param(False, marks=pytest.mark.long), True], ids=["pretrained", "random"])
def head(request: pytest.FixtureRequest) -> Configuration:
    """A head over a network that was pretrained, which takes half a minute, or over one with random weights."""
    return replace(HEAD, model=replace(HEAD.model, random_weights=request.param))


def accuracy(head: Configuration, shuffled: bool) -> float:
    graph = tasks.get("nodes").load(TaskConfig(name="nodes", shuffle_labels=shuffled), 0)
    assert isinstance(graph, Graph)
    folds = make_folds(graph, 5, 0, split_test(graph, 0.2, 0)[0]).folds
    bench = Workbench(StudyData(graph, folds), torch.device("cpu"))
    (result,) = train_pack([member_of(0, 0, head, 0, bench)], bench)
    return result.metrics["accuracy"]


def test_a_frozen_head_tells_subjects(head: Configuration) -> None:
    assert accuracy(head, shuffled=False) > (0.5 if head.model.random_weights else 0.8)


def test_a_frozen_head_learns_nothing_of_shuffled_subjects(head: Configuration) -> None:
    assert accuracy(head, shuffled=True) < 0.35  # the largest class is 0.30 of all
