"""Graph networks by name: made on the spot, and pretrained on the graph itself without any label.

Each is a stack of blocks, a convolution of torch_geometric and a PReLU, pretrained by Deep Graph Infomax
(Veličković et al. 2019, arXiv 1809.10341): to tell a node's state in the graph from the same in a graph
whose nodes have been shuffled.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from study.config.schema import ModelConfig
from study.core import seeding
from study.core.errors import ConfigError
from study.core.folders import cache_folder
from study.core.tensor_cache import TensorCache, with_fallback
from study.data.examples import Graph
from study.models import encoders
from study.models.embedded import GRAPHS as NAMES
from study.models.encoders import Encoder

# Kipf & Welling 2017 (arXiv 1609.02907), Hamilton et al. 2017 (1706.02216), Veličković et al. 2018 (1710.10903).
BLOCKS, HIDDEN, HEADS = 2, 256, 8  # the heads of `gat` share the hidden size
EPOCHS, PATIENCE, LR = 150, 20, 1e-3  # of pretraining, which ends when its loss has not fallen for so long
KEPT = 10**9  # bytes of pretrained networks on disk, of a few million each


@dataclass(frozen=True)
class GraphConfig:
    """The settings of a graph network under the names that the suite reads of any backbone's configuration."""

    model_type: str
    num_hidden_layers: int = BLOCKS
    hidden_size: int = HIDDEN


class Block(nn.Module):
    """One convolution with its activation, from node states [N, in] to [N, hidden]."""

    def __init__(self, conv: nn.Module, hidden: int) -> None:
        super().__init__()
        self.conv, self.activation = conv, nn.PReLU(hidden)

    def forward(self, x: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        """New states of every node, from its own and its neighbours'."""
        return self.activation(self.conv(x, edges))  # type: ignore[no-any-return]


class GraphNetwork(nn.Module):
    """Blocks over node features [N, F] and edges [2, E]; several graphs may stand side by side as one.

    What leaves the last block is shifted and scaled by constants, as a norm does at the end of other backbones: a
    head cannot learn from numbers that are all near 0.01, or all alike (:meth:`standardize`).
    """

    shift: torch.Tensor
    scale: torch.Tensor

    def __init__(self, config: GraphConfig, inputs: int) -> None:
        super().__init__()
        self.config, hidden = config, config.hidden_size
        widths = [inputs, *[hidden] * (config.num_hidden_layers - 1)]
        self.blocks = nn.ModuleList([Block(_conv(config.model_type, width, hidden), hidden) for width in widths])
        self.register_buffer("shift", torch.zeros(hidden))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: torch.Tensor, edges: torch.Tensor, begin: int = 0, end: int | None = None) -> torch.Tensor:
        """The states that leave block `end` − 1, from those that enter block `begin`."""
        for block in self.blocks[begin:end]:
            x = block(x, edges)
        return (x - self.shift) * self.scale if end is None or end >= len(self.blocks) else x

    @torch.no_grad()
    def standardize(self, x: torch.Tensor, edges: torch.Tensor) -> None:
        """Fix shift and scale so that over these nodes every state has the mean 0, and all together the variance 1."""
        states = self(x, edges) / self.scale + self.shift
        self.shift.copy_(states.mean(0))
        self.scale.copy_((states - self.shift).square().mean().rsqrt())


def _conv(name: str, inputs: int, outputs: int) -> nn.Module:
    """A convolution of torch_geometric from states [N, inputs] to [N, outputs]; ConfigError without that library."""
    try:
        from torch_geometric.nn import GATConv, GCNConv, SAGEConv
    except ImportError as error:
        remedy = "install the extra that brings it: pip install 'lora-study[graph]'"
        raise ConfigError(f"model.name={name}", f"needs torch_geometric ({error})", remedy) from error
    made: nn.Module
    if name == "gat":
        made = GATConv(inputs, outputs // HEADS, heads=HEADS)
    else:
        made = {"gcn": GCNConv, "sage": SAGEConv}[name](inputs, outputs)
    return made


def shapes(model: ModelConfig, graph: Graph) -> GraphNetwork:
    """The network without weights (meta device); ConfigError where the model reads no graphs."""
    if model.name not in NAMES:
        raise ConfigError(f"model.name={model.name}", "reads no graphs", f"write model={' or model='.join(NAMES)}")
    with torch.device("meta"):
        return GraphNetwork(GraphConfig(model.name), graph.features.shape[1])


def load(model: ModelConfig, graph: Graph) -> Encoder:
    """The frozen network in `model.precision`, pretrained once for all processes that share a cache."""
    mark = fingerprint(model, graph)
    with _seed_torch(seeding.derive("graph network", mark)):
        network = GraphNetwork(GraphConfig(model.name), graph.features.shape[1])
        if not model.random_weights:
            _load_weights(network, graph, mark)
        network.standardize(features(graph), torch.from_numpy(graph.edges))
    return encoders.wrap(network.to(getattr(torch, model.precision)), None, mark)


def fingerprint(model: ModelConfig, graph: Graph) -> str:
    """A digest of all that the weights depend on: settings, versions, features and edges, but no label."""
    import torch_geometric

    settings = (model.name, model.random_weights, BLOCKS, HIDDEN, HEADS, EPOCHS, PATIENCE, LR)
    digest = hashlib.sha256(repr((*settings, torch.__version__, torch_geometric.__version__)).encode())
    for array in (graph.features, graph.edges):
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def features(graph: Graph) -> torch.Tensor:
    """What enters the first block, [N, F] in float32: a node's features divided by their sum, or none of them."""
    x = torch.from_numpy(graph.features).float()
    return x / x.sum(1, keepdim=True).clamp(min=1.0)


def _load_weights(network: GraphNetwork, graph: Graph, mark: str) -> None:
    """Give the network its pretrained weights, from the cache where they are there."""
    count = sum(p.numel() for p in network.parameters())

    def fill(values: torch.Tensor, _: int) -> None:
        pretrain(network, features(graph), torch.from_numpy(graph.edges))
        values.copy_(nn.utils.parameters_to_vector(network.parameters()).detach())

    # Where there is no room, every process pretrains for itself, and comes to the same.
    recall = with_fallback(TensorCache(KEPT, cache_folder() / "graphs").get)
    nn.utils.vector_to_parameters(recall((mark,), (count,), torch.float32, fill).clone(), network.parameters())


@contextmanager
def _seed_torch(seed: int) -> Iterator[None]:
    """While open, torch's own generator, from which torch_geometric draws, is at this seed; afterwards it is as it was.

    One thread, since how a sum is split among threads changes its last digits.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def pretrain(network: GraphNetwork, x: torch.Tensor, edges: torch.Tensor) -> list[float]:
    """Train the network in place by Deep Graph Infomax until its loss falls no more; the loss of each epoch."""
    from torch_geometric.nn import DeepGraphInfomax

    infomax = DeepGraphInfomax(network.config.hidden_size, network, _summary, _corrupt)
    optimizer = torch.optim.Adam(infomax.parameters(), lr=LR)
    losses: list[float] = []
    best, at = copy.deepcopy(network.state_dict()), 0
    while len(losses) < EPOCHS and len(losses) - at < PATIENCE:
        optimizer.zero_grad()
        loss = infomax.loss(*infomax(x, edges))
        if loss.item() < min(losses, default=math.inf):
            best, at = copy.deepcopy(network.state_dict()), len(losses) + 1
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    network.load_state_dict(best)
    return losses


def _summary(states: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
    """The summary [hidden] of all nodes' states, which Deep Graph Infomax compares them to."""
    return states.mean(0).sigmoid()


def _corrupt(x: torch.Tensor, edges: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The corrupted graph: every node has the features of another."""
    return x[torch.randperm(len(x))], edges
