"""Node classification: a whole graph is read in every step, and the loss is that of some of its nodes.

P members run on P copies of the graph that stand side by side as one graph without edges between them, so that
the member axis lies inside the node axis [P·N, ...] and convolutions need not know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

import numpy as np
import torch
from torch import nn

from study.config.schema import ModelConfig
from study.core.answers import Scored
from study.data.examples import Graph
from study.engine.batches import on_device
from study.engine.pack import Pack
from study.engine.problems.base import Problem, align, cross_entropies
from study.engine.shortcuts import products
from study.engine.workbench import Workbench
from study.models import graphs
from study.models.geometry import Tables
from study.scoring.losses import score_classes


class Nodes(Problem):
    """A row is a labelled node; its loss is the cross entropy of its class.

    What enters the lowest adapted block is computed once, and so are the frozen products of its linear layers,
    since nothing that they read ever changes. A label is read only where its node is a row of the loss or scored.
    """

    def __init__(self, bench: Workbench, model: ModelConfig, lowest: int, cached: bool = True) -> None:
        graph = bench.data.examples
        assert isinstance(graph, Graph)
        self.bench, self.model, self.device = bench, model, bench.device
        self.known, self.nodes = graph.labels, graph.nodes
        self.labels = torch.from_numpy(self.known).to(self.device)
        self.lengths = np.ones(len(graph), dtype=np.int64)
        encoder = bench.encoder(model)
        self.network, self.layers = encoder.backbone, encoder.layers
        self.lowest = lowest if cached else 0
        self.edges = bench.once(("edges",), lambda: torch.from_numpy(graph.edges).to(self.device))
        like = next(self.network.parameters())
        self.features = bench.once(("features", like.dtype), lambda: graphs.features(graph).to(like))
        self.states = bench.once(self._key("states"), lambda: self._frozen(self.features, end=self.lowest))
        self.products = self._products() if cached and lowest < self.layers else {}
        self._copies: dict[int, tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]] = {}

    @classmethod
    def require(cls, model: ModelConfig, examples: Graph, tables: tuple[Tables, ...]) -> None:
        """Nothing: a graph network is made on the spot, and looks up nothing."""

    def _key(self, what: str) -> tuple[object, ...]:
        """A key of the bench for what is made of this network below its lowest adapted block."""
        return what, self.model.name, self.model.random_weights, self.model.precision, self.lowest

    @torch.no_grad()
    def _frozen(self, x: torch.Tensor, begin: int = 0, end: int | None = None) -> torch.Tensor:
        """States [N, hidden] that leave block `end` − 1, from those that enter block `begin`, of the frozen network."""
        return self.network(x, self.edges, begin=begin, end=end)  # type: ignore[no-any-return]

    def _products(self) -> dict[str, torch.Tensor]:
        """W x + b of each linear layer of the lowest block, [N, out], by its name."""
        sites = [s for s in self.bench.encoder(self.model).sites if s.layer == self.lowest]

        def multiply() -> dict[str, torch.Tensor]:
            seen: dict[str, torch.Tensor] = {}

            def see(name: str, _: nn.Module, __: object, out: torch.Tensor) -> None:
                seen[name] = out.clone()  # a convolution may go on in the memory of what it was given

            handles = [self.network.get_submodule(s.name).register_forward_hook(partial(see, s.name)) for s in sites]
            try:
                self._frozen(self.states, self.lowest, self.lowest + 1)
            finally:
                for handle in handles:
                    handle.remove()
            return seen

        return self.bench.once(self._key("products"), multiply)

    def portions(self, count: int) -> list[slice]:
        """All rows at once: the graph is read whole for one as for all."""
        return [slice(0, count)]

    def adapter_input_shape(self, rows: np.ndarray) -> tuple[int, int]:
        """Every node enters the adapters, whichever have a loss."""
        return (len(self.states) if len(rows) else 0), 1

    def logits(self, pack: Pack, rows: np.ndarray) -> torch.Tensor:
        """Logits [P, n, classes] of the nodes at `rows` [P, n]."""
        nodes = self.nodes[rows]
        if self.lowest == self.layers:
            return pack.logits(self.states.index_select(0, on_device(nodes.reshape(-1), self.device)))
        nodes = nodes + np.arange(pack.size)[:, None] * len(self.states)
        return pack.logits(self._read(pack).index_select(0, on_device(nodes.reshape(-1), self.device)))

    def _read(self, pack: Pack) -> torch.Tensor:
        """Every member's states of every node, [P·N, hidden]."""
        states, edges, known = self._repeat(pack)
        # A given product stands in for an adapted layer's frozen part alone: another's would be changed in place.
        given = {} if pack.full else {name: p for name, p in known.items() if name in pack.attached}
        with products.hand_in(pack.backbone, given) if given else nullcontext():
            return pack.backbone(states, edges, begin=self.lowest)  # type: ignore[no-any-return]

    def _repeat(self, pack: Pack) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """The graph once for each of the P members: states [P·N, hidden], edges [2, P·E] and products [P·N, out]."""
        size, count = pack.size, len(self.states)
        if size not in self._copies:
            apart = torch.arange(size, device=self.device).mul(count).view(-1, 1, 1)
            edges = (self.edges + apart).transpose(0, 1).reshape(2, -1)
            known = {name: product.repeat(size, 1) for name, product in self.products.items()}
            like = next(pack.backbone.parameters())  # `full` trains a copy in another precision
            self._copies = {size: (self.states.repeat(size, 1).to(like), edges, known)}
        return self._copies[size]

    def loss(self, pack: Pack, rows: np.ndarray, weights: torch.Tensor) -> torch.Tensor:
        return cross_entropies(self.logits(pack, rows), self.labels[on_device(rows.reshape(-1), self.device)], weights)

    @torch.no_grad()
    def scores(self, pack: Pack, positions: list[np.ndarray]) -> list[Scored]:
        logits = self.logits(pack, align(positions)[0]).cpu().numpy()
        return [score_classes(x[: len(p)], self.known[p]) for x, p in zip(logits, positions, strict=True)]

    @torch.no_grad()
    def answer(self, pack: Pack, row: int) -> torch.Tensor:
        like = next(pack.backbone.parameters())
        return pack.logits(pack.backbone(self.features.to(like), self.edges)[self.nodes[row]][None])

    def below(self, row: np.ndarray) -> Callable[[], object] | None:
        return partial(self._frozen, self.features, end=self.lowest) if self.lowest else None


PROBLEM = Nodes
