"""Backbones: loading an encoder, naming its linear layers and finding where its layers are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.config.schema import ModelConfig
from study.core.errors import ConfigError
from study.models import families, hub
from study.models import identity as identity_of
from study.models.embedded import ENCODERS as EMBEDDED
from study.models.linear import is_linear, matrix
from study.models.targets import LinearSite

if TYPE_CHECKING:
    from torch import nn

CONVOLUTION = "torch_geometric.nn.conv.message_passing.MessagePassing"


@dataclass(frozen=True)
class Stack:
    """Blocks that hidden states pass one after the other; `part` is encoder or decoder, "" where there is one stack."""

    part: str
    name: str
    blocks: nn.ModuleList


@dataclass(frozen=True)
class Encoder:
    """A frozen backbone with its tokenizer, if it has one.

    `sites` are its linear layers from the bottom up, `layers` how many blocks it has, `hidden` the size of its states,
    `fingerprint` identifies its weights ("" where nothing does), `parameters` is how many numbers it has.
    """

    backbone: nn.Module
    tokenizer: Any
    sites: tuple[LinearSite, ...]
    layers: int
    hidden: int
    fingerprint: str
    parameters: int


def stacks(backbone: nn.Module) -> tuple[Stack, ...]:
    """The model's stacks of blocks from the bottom up: one, or those of its encoder and its decoder."""
    config: Any = backbone.config
    if getattr(config, "is_encoder_decoder", False):
        inner: Any = backbone
        names = {module: name for name, module in backbone.named_modules()}
        # An encoder that was taken out of such a model says that it is its own decoder.
        parts = {"encoder": inner.get_encoder(), "decoder": inner.get_decoder()}
        if all(part in names and part is not backbone for part in parts.values()):
            by_part = {kind: _blocks(part, config) for kind, part in parts.items()}
            return tuple(Stack(k, f"{names[parts[k]]}.{name}", layers) for k, (name, layers) in by_part.items())
    return (Stack("", *_blocks(backbone, config)),)


def blocks(backbone: nn.Module) -> tuple[str, nn.ModuleList]:
    """The dotted name and the list of a one-stack model's blocks (ALBERT: its groups of shared layers)."""
    stack = stacks(backbone)[0]
    return stack.name, stack.blocks


def depth(backbone: nn.Module) -> int:
    """How many blocks the model has, those of all its stacks."""
    return sum(len(stack.blocks) for stack in stacks(backbone))


def _blocks(module: nn.Module, config: Any) -> tuple[str, nn.ModuleList]:
    """The dotted name and the list of the blocks inside a stack; ConfigError where the suite knows no such list."""
    from torch import nn

    described_by = getattr(module, "config", config)
    depths = {getattr(described_by, name, None) for name in families.DEPTHS}
    for name, inner in module.named_modules():
        if isinstance(inner, nn.ModuleList) and len(inner) in depths:
            return name, inner
    raise ConfigError(
        f"model type {config.model_type}", "has no list of layers that the suite knows", "use another encoder"
    )


def linear_sites(backbone: nn.Module) -> tuple[LinearSite, ...]:
    """Every linear layer inside the backbone's blocks, from the bottom up; heads and embeddings are outside."""
    return tuple(
        _site(f"{stack.name}.{i}.{name}", i, block, name, stack.part)
        for stack in stacks(backbone)
        for i, block in enumerate(stack.blocks)
        for name, module in block.named_modules()
        if is_linear(module)
    )


def _site(name: str, layer: int, block: nn.Module, within: str, part: str) -> LinearSite:
    """The linear layer `within` a block, with its sizes, its role and its part of the model."""
    outputs, inputs = matrix(block.get_submodule(within)).shape
    role = "conv" if _convolves(block, within) else families.role(within)
    return LinearSite(name, layer, inputs, outputs, role, "cross" if part and families.is_cross(within) else part)


def _convolves(block: nn.Module, within: str) -> bool:
    """Whether the layer is part of a graph convolution of torch_geometric."""
    words = within.split(".")
    around = [block.get_submodule(".".join(words[:i])) for i in range(len(words))]
    return any(f"{cls.__module__}.{cls.__qualname__}" == CONVOLUTION for m in around for cls in type(m).__mro__)


def geometry(model: ModelConfig) -> tuple[tuple[LinearSite, ...], int, int]:
    """A model's layers, blocks and parameters, as of :func:`dimensions`, from its configuration alone (meta device)."""
    return dimensions(shapes(model))


def shapes(model: ModelConfig) -> nn.Module:
    """The part of the model that reads texts, without weights (meta device).

    Raises ConfigError where `model.pooling` asks for a pooler that it lacks.
    """
    import torch
    from transformers import AutoModel

    with torch.device("meta"):
        backbone = _reader(hub.from_configuration(model, AutoModel))
    if model.pooling == "pooler" and getattr(backbone, "pooler", None) is None:
        rule = f"needs a pooler, and {model.name} has none"
        raise ConfigError("model.pooling=pooler", rule, "write model.pooling=cls or mean")
    return backbone


def dimensions(backbone: nn.Module) -> tuple[tuple[LinearSite, ...], int, int]:
    """A backbone's linear layers, its number of blocks and its number of parameters."""
    return linear_sites(backbone), depth(backbone), sum(p.numel() for p in backbone.parameters())


def load(model: ModelConfig) -> Encoder:
    """The model's frozen backbone in evaluation mode, in `model.precision`, with its tokenizer.

    An encoder–decoder model is read by its encoder alone.
    """
    from transformers import AutoModel

    return open_encoder(model, _reader(hub.load_model(model, AutoModel)))


def open_encoder(model: ModelConfig, backbone: nn.Module) -> Encoder:
    """The model's weights as an Encoder, in `model.precision` and with its tokenizer."""
    import torch

    return wrap(backbone.to(getattr(torch, model.precision)), hub.tokenizer(model), identity(model))


def _reader(backbone: Any) -> nn.Module:
    """The part of a model that reads texts."""
    return backbone.get_encoder() if backbone.config.is_encoder_decoder else backbone  # type: ignore[no-any-return]


def wrap(backbone: nn.Module, tokenizer: Any, mark: str = "") -> Encoder:
    """An Encoder around a backbone at hand; the backbone is frozen in place."""
    from study.models import attention

    backbone.eval().requires_grad_(False)
    attention.use(backbone)
    config: Any = backbone.config
    sites = linear_sites(backbone)
    count = sum(p.numel() for p in backbone.parameters())
    return Encoder(backbone, tokenizer, sites, depth(backbone), config.hidden_size, mark, count)


def identity(model: ModelConfig) -> str:
    """The fingerprint, or "" where it identifies no weights: then nothing computed of them may be kept."""
    mark = fingerprint(model)
    return "" if mark.endswith("@None") else mark


def fingerprint(model: ModelConfig) -> str:
    """A text that identifies the weights: a digest of the local files, or the Hub's name and commit."""
    where = Path(hub.source(model.name))
    if not where.is_dir():
        return f"{model.name}@{getattr(hub.configuration(model), '_commit_hash', None)}"
    return of_folder(where, model.random_weights, model.name in EMBEDDED)


def of_folder(folder: Path, random_weights: bool, embedded: bool) -> str:
    """The fingerprint of the model in that folder, or of an embedded model of which it is a copy."""
    return identity_of.of_folder(folder, json.dumps(random_weights).encode(), embedded)
