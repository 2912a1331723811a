"""Graph networks: made by name, pretrained once, from the graph alone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tinygraph import NODES, WORDS, communities

from study.config.schema import MethodConfig, ModelConfig
from study.core.errors import ConfigError
from study.data.examples import Texts
from study.models import backbones, encoders, graphs
from study.models.targets import select_ranks

pytest.importorskip("torch_geometric")
LAYERS = {"gcn": 1, "sage": 2, "gat": 1}  # linear layers of one block


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LORA_STUDY_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> list[list[float]]:
    """The losses of every pretraining from here on."""
    done, real = [], graphs.pretrain
    monkeypatch.setattr(graphs, "pretrain", lambda *given: done.append(real(*given)))
    monkeypatch.setattr(graphs, "EPOCHS", 10)
    return done


def state(name: str, graph: graphs.Graph | None = None, **keys: bool) -> dict[str, torch.Tensor]:
    return graphs.load(ModelConfig(name=name, **keys), graph or communities()).backbone.state_dict()  # type: ignore[arg-type]


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("name", graphs.NAMES)
def test_shapes_are_known_before_there_are_weights_and_every_linear_layer_is_a_site(name: str, cache: Path) -> None:
    model = ModelConfig(name=name, random_weights=True)
    shapes, encoder = backbones.geometry(model, communities()), backbones.load(model, communities())
    assert shapes.sites == encoder.sites
    assert (shapes.layers, encoder.hidden) == (graphs.BLOCKS, graphs.HIDDEN)
    assert shapes.parameters == sum(p.numel() for p in encoder.backbone.parameters())
    assert not any(p.requires_grad for p in encoder.backbone.parameters())
    assert {s.role for s in encoder.sites} == {"conv"}
    for targets in ("conv", "all-linear"):
        chosen = select_ranks(MethodConfig(targets=targets, rank=1), encoder.sites)
        assert len(chosen) == graphs.BLOCKS * LAYERS[name]
    assert {s.inputs for s in encoder.sites if s.layer == 0} == {WORDS}


@pytest.mark.parametrize("name", graphs.NAMES)
def test_a_graph_of_copies_gives_each_what_it_gives_alone(name: str) -> None:
    encoder = graphs.load(ModelConfig(name=name, random_weights=True), communities())
    x, edges = torch.randn(NODES, WORDS), torch.from_numpy(communities().edges)
    other = torch.randn(NODES, WORDS)
    both = encoder.backbone(torch.cat([x, other]), torch.cat([edges, edges + NODES], 1))
    assert torch.allclose(both[:NODES], encoder.backbone(x, edges), atol=1e-5)
    assert torch.allclose(both[NODES:], encoder.backbone(other, edges), atol=1e-5)


@pytest.mark.parametrize("name", graphs.NAMES)
def test_pretraining_learns_to_tell_the_graph_from_a_shuffled_one(name: str) -> None:
    graph = communities()
    network = graphs.GraphNetwork(graphs.GraphConfig(name), WORDS)
    with graphs._seed_torch(0):
        losses = graphs.pretrain(network, graphs.features(graph), torch.from_numpy(graph.edges))
    assert min(losses) < 0.8 * losses[0]
    assert losses[0] == pytest.approx(2 * np.log(2), abs=0.1)  # both ways of being wrong, at even odds


@pytest.mark.parametrize("name", graphs.NAMES)
@pytest.mark.parametrize("random_weights", [True, False])
def test_heads_read_states_of_mean_zero_and_variance_one(
    name: str, random_weights: bool, cache: Path, times: list[list[float]]
) -> None:
    graph = communities()
    x, edges = graphs.features(graph), torch.from_numpy(graph.edges)
    network = graphs.load(ModelConfig(name=name, random_weights=random_weights), graph).backbone
    states = network(x, edges)
    assert float(states.mean(0).abs().max()) < 1e-3
    assert float(states.square().mean()) == pytest.approx(1, abs=1e-3)
    assert torch.allclose(network(network(x, edges, end=1), edges, begin=1), states, atol=1e-4)


def test_pretraining_ends_when_its_loss_has_not_fallen_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "PATIENCE", 3)
    monkeypatch.setattr(graphs, "LR", 0.0)
    network = graphs.GraphNetwork(graphs.GraphConfig("gcn"), WORDS)
    graph = replace(communities(), features=np.ones((NODES, WORDS), dtype=np.uint8))  # shuffling changes nothing
    losses = graphs.pretrain(network, graphs.features(graph), torch.from_numpy(graph.edges))
    assert len(losses) == 4
    assert len(set(losses)) == 1


def test_a_network_is_pretrained_once_and_then_read(cache: Path, times: list[list[float]]) -> None:
    first, second = state("gcn"), state("gcn")
    assert [len(losses) for losses in times] == [10]
    assert same(first, second)


def test_another_network_and_another_graph_are_pretrained_for_themselves(cache: Path, times: list[list[float]]) -> None:
    other = replace(communities(), edges=communities(seed=1).edges)
    made = [state("gcn"), state("sage"), state("gcn", other)]
    assert len(times) == 3
    assert not same(made[0], made[2])


def test_labels_and_who_has_one_change_nothing(cache: Path, times: list[list[float]]) -> None:
    graph = communities()
    turned = replace(graph, labels=1 - graph.labels).take(np.arange(5))
    assert same(state("gcn", graph), state("gcn", turned))
    assert len(times) == 1
    model = ModelConfig(name="gcn")
    assert graphs.fingerprint(model, graph) == graphs.fingerprint(model, turned)


def test_where_nothing_can_be_kept_pretraining_comes_to_the_same_again(
    cache: Path, times: list[list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = state("gcn")
    monkeypatch.setattr(graphs, "KEPT", 0)
    assert same(kept, state("gcn"))
    assert len(times) == 2


def test_random_weights_are_the_same_each_time_and_not_pretrained(cache: Path, times: list[list[float]]) -> None:
    assert same(state("gat", random_weights=True), state("gat", random_weights=True))
    assert times == []


def test_loading_leaves_torchs_own_generator_and_threads_as_they_were(cache: Path, times: list[list[float]]) -> None:
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    state("gcn")
    assert len(times) == 1
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_features_sum_to_one_and_a_node_without_any_stays_empty() -> None:
    graph = communities()
    graph.features[3] = 0
    sums = graphs.features(graph).sum(1)
    assert sums[3] == 0
    assert torch.allclose(torch.cat([sums[:3], sums[4:]]), torch.ones(NODES - 1))


def test_precision_is_that_of_weights_and_states() -> None:
    model = ModelConfig(name="gcn", random_weights=True, precision="bfloat16")
    backbone = graphs.load(model, communities()).backbone
    states = backbone(graphs.features(communities()).bfloat16(), torch.from_numpy(communities().edges))
    assert states.dtype == torch.bfloat16
    assert bool(states.isfinite().all())


def test_a_missing_library_is_one_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
    with pytest.raises(ConfigError, match=r"model\.name=gcn: needs torch_geometric .*'lora-study\[graph\]'"):
        backbones.geometry(ModelConfig(name="gcn"), communities())


def test_a_model_that_does_not_fit_its_task_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(ConfigError, match=r"model\.name=minilm: reads no graphs; write model=gcn or model=sage"):
        backbones.geometry(ModelConfig(), communities())
    texts = Texts(("a", "b"), np.array([0, 1]), ("n", "y"))
    with pytest.raises(ConfigError, match=r"model\.name=gcn: reads graphs, and this task has none"):
        backbones.geometry(ModelConfig(name="gcn"), texts)


def test_the_suite_needs_no_torch_geometric_for_anything_else() -> None:
    import subprocess

    code = (
        "import sys\nsys.modules['torch_geometric'] = None\n"
        "import study.engine.train, study.engine.problems.graph, study.models.backbones, study.tasks.nodes\n"
        "print('fine')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "fine", done.stderr


def test_models_of_texts_are_told_apart_by_name() -> None:
    assert not set(graphs.NAMES) & set(encoders.EMBEDDED)
