"""Graph networks by name: made on the spot, and pretrained on the graph itself without any label.

Each is a stack of blocks, a convolution of torch_geometric and a PReLU, pretrained by Deep Graph Infomax
(Veličković et al. 2019, arXiv 1809.10341): what it learns is to tell a node's state in the graph from the
same in a graph whose nodes have been shuffled.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from study import seeding
from study.assets import cache_folder
from study.cache import TensorCache, made
from study.errors import ConfigError
from study.examples import Graph

# Kipf & Welling 2017, Hamilton et al. 2017, Veličković et al. 2018 (eight heads that share the hidden size).
NAMES = ("gcn", "sage", "gat")
BLOCKS, HIDDEN, HEADS = 2, 256, 8
EPOCHS, PATIENCE, LR = 300, 20, 1e-3  # of pretraining, which ends when its loss has not fallen for so long
KEPT = 10**9  # bytes of pretrained networks on disk, of two or three million each


@dataclass(frozen=True)
class GraphConfig:
    """What the suite asks of a backbone's configuration."""

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
    """Blocks over node features [N, F] and edges [2, E]; several graphs may stand side by side as one."""

    def __init__(self, name: str, inputs: int) -> None:
        super().__init__()
        self.config = config = GraphConfig(name)
        widths = [inputs, *[config.hidden_size] * config.num_hidden_layers]
        convs = [_conv(name, a, b) for a, b in zip(widths, widths[1:], strict=False)]
        self.blocks = nn.ModuleList([Block(conv, config.hidden_size) for conv in convs])

    def forward(self, x: torch.Tensor, edges: torch.Tensor, begin: int = 0, end: int | None = None) -> torch.Tensor:
        """The states that leave block `end` − 1, from those that enter block `begin`."""
        for block in self.blocks[begin:end]:
            x = block(x, edges)
        return x


def _conv(name: str, inputs: int, outputs: int) -> nn.Module:
    try:
        from torch_geometric import nn as geometric
    except ImportError as error:
        remedy = "install the extra: pip install 'lora-study[graph]'"
        raise ConfigError(f"model.name={name}", f"needs torch_geometric ({error})", remedy) from error
    conv: nn.Module = {
        "gcn": lambda: geometric.GCNConv(inputs, outputs),
        "sage": lambda: geometric.SAGEConv(inputs, outputs),
        "gat": lambda: geometric.GATConv(inputs, outputs // HEADS, heads=HEADS),
    }[name]()
    return conv


def features(graph: Graph) -> torch.Tensor:
    """What enters the first block, [N, F] in float32: each node's features with the sum 1, or none of them."""
    x = torch.from_numpy(graph.features).float()
    return x / x.sum(1, keepdim=True).clamp(min=1.0)


def fingerprint(name: str, graph: Graph, random_weights: bool) -> str:
    """What the weights are a function of: no label is among it."""
    import torch_geometric

    frame = (name, BLOCKS, HIDDEN, HEADS, EPOCHS, PATIENCE, LR, random_weights)
    digest = hashlib.sha256(repr((*frame, torch.__version__, torch_geometric.__version__)).encode())
    for array in (graph.features, graph.edges):
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:16]


def load(name: str, graph: Graph, random_weights: bool = False) -> GraphNetwork:
    """The network of that name for this graph, pretrained once for all processes that share a cache."""
    mark = fingerprint(name, graph, random_weights)
    with _seeded(seeding.derive("graph", mark)):
        network = GraphNetwork(name, graph.features.shape[1])
        if random_weights:
            return network
        count = sum(p.numel() for p in network.parameters())

        def fill(values: torch.Tensor, _: int) -> None:
            pretrain(network, features(graph), torch.from_numpy(graph.edges))
            values.copy_(nn.utils.parameters_to_vector(network.parameters()))

        kept = _recall((mark,), count, fill)
    nn.utils.vector_to_parameters(kept.clone(), network.parameters())
    return network


def _recall(key: tuple[object, ...], count: int, fill: Any) -> torch.Tensor:
    cache = TensorCache(KEPT, cache_folder() / "graphs")
    try:
        return cache.get(key, (count,), torch.float32, fill)
    except OSError:  # no room: every process pretrains for itself, and comes to the same
        return made((count,), torch.float32, fill)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Torch's own generator, which torch_geometric draws from, at this seed; afterwards as it was.

    One thread: how sums are split among threads would change the last digits.
    """
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def pretrain(network: GraphNetwork, x: torch.Tensor, edges: torch.Tensor) -> list[float]:
    """Train the network in place by Deep Graph Infomax until its loss falls no more; the loss of each epoch."""
    from torch_geometric.nn import DeepGraphInfomax

    infomax = DeepGraphInfomax(network.config.hidden_size, network, _summary, _shuffled)
    optimizer = torch.optim.Adam(infomax.parameters(), lr=LR)
    losses: list[float] = []
    best: dict[str, torch.Tensor] = {}
    while len(losses) < EPOCHS and len(losses) - _first_best(losses) <= PATIENCE:
        optimizer.zero_grad()
        loss = infomax.loss(*infomax(x, edges))
        losses.append(float(loss.detach()))
        if losses[-1] == min(losses):
            best = copy.deepcopy(network.state_dict())
        loss.backward()
        optimizer.step()
    network.load_state_dict(best)
    return losses


def _first_best(losses: list[float]) -> int:
    return losses.index(min(losses)) if losses else 0


def _summary(states: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
    return states.mean(0).sigmoid()


def _shuffled(x: torch.Tensor, edges: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The corrupted graph: every node has the features of another."""
    return x[torch.randperm(len(x))], edges
