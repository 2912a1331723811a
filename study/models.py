"""Backbones: loading an encoder, naming its linear layers and finding where its layers are."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from study import assets, attention
from study.config import LAYERS, TARGETS, MethodConfig, ModelConfig
from study.errors import AssetError, ConfigError

EMBEDDED = ("minilm",)
ROLES = {
    "q": ("query", "q_lin", "q_proj", "query_proj", "q"),
    "k": ("key", "k_lin", "k_proj", "key_proj", "k"),
    "v": ("value", "v_lin", "v_proj", "value_proj", "v"),
}
GROUPS = {"qv": "qv", "attention": "qkvo", "ffn": "f", "all-linear": "qkvof"}


@dataclass(frozen=True)
class LinearSite:
    """A linear layer of the backbone: its dotted name, the index of its block, its sizes and its role."""

    name: str
    layer: int
    inputs: int
    outputs: int
    role: str

    @property
    def within(self) -> str:
        """The name inside its block, such as ``attention.self.query``."""
        return self.name.split(f".{self.layer}.", 1)[1]


@dataclass(frozen=True)
class Encoder:
    """A frozen backbone with its tokenizer; `sites` are its linear layers, from the bottom up."""

    backbone: nn.Module
    tokenizer: Any
    sites: tuple[LinearSite, ...]
    layers: int
    hidden: int
    fingerprint: str
    parameters: int


def source(name: str) -> str:
    """Where transformers finds the model: the folder of an embedded one, else the name itself."""
    return str(assets.fetch(name) / "model") if name in EMBEDDED else name


def configured(model: ModelConfig) -> Any:
    """The model's own configuration, from transformers; AssetError where there is none."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(source(model.name))
    except (OSError, ValueError) as error:
        raise AssetError(
            f"model.name={model.name}",
            "is neither an embedded model, a folder with a config.json nor a model that the Hub or its cache has",
            f"write one of {', '.join(EMBEDDED)}, a local path, or a Hub name while online ({type(error).__name__})",
        ) from error


def blocks(backbone: nn.Module) -> tuple[str, nn.ModuleList]:
    """The dotted name and the list of the backbone's blocks (ALBERT: its groups of shared layers)."""
    config: Any = backbone.config
    depths = {config.num_hidden_layers, getattr(config, "num_hidden_groups", None)}
    for name, module in backbone.named_modules():
        if isinstance(module, nn.ModuleList) and len(module) in depths:
            return name, module
    raise ConfigError(
        f"model type {config.model_type}", "has no list of layers that the suite knows", "use another encoder"
    )


def _role(name: str) -> str:
    last = name.rsplit(".", 1)[-1]
    for role, names in ROLES.items():
        if last in names:
            return role
    return "o" if "attention" in name and "ffn" not in name else "f"


def linear_sites(backbone: nn.Module) -> tuple[LinearSite, ...]:
    """Every nn.Linear inside the backbone's blocks, in order."""
    prefix, layers = blocks(backbone)
    return tuple(
        LinearSite(f"{prefix}.{i}.{name}", i, module.in_features, module.out_features, _role(name))
        for i, block in enumerate(layers)
        for name, module in block.named_modules()
        if isinstance(module, nn.Linear)
    )


def geometry(model: ModelConfig) -> tuple[tuple[LinearSite, ...], int, int]:
    """The sites, blocks and parameters of a model, from its configuration alone (meta device)."""
    from transformers import AutoModel

    with torch.device("meta"):
        backbone = _reader(AutoModel.from_config(configured(model)))
    if model.pooling == "pooler" and getattr(backbone, "pooler", None) is None:
        rule = f"needs a pooler, and {model.name} has none"
        raise ConfigError("model.pooling=pooler", rule, "write model.pooling=cls or mean")
    return measured(backbone)


def measured(backbone: nn.Module) -> tuple[tuple[LinearSite, ...], int, int]:
    """A backbone's sites, blocks and parameters."""
    return linear_sites(backbone), len(blocks(backbone)[1]), sum(p.numel() for p in backbone.parameters())


def select_layers(spec: str, count: int) -> range:
    """The block indices that `method.layers` names: all, top-half or top-N.

    Raises ConfigError where the model has no such layers.
    """
    top = re.fullmatch(r"top-(\d+)", spec)
    if spec == "all":
        return range(count)
    if spec == "top-half":
        return range(count - max(1, count // 2), count)
    if top and 1 <= int(top[1]) <= count:
        return range(count - int(top[1]), count)
    remedy = f"write {', '.join(LAYERS)} or top-N with N up to {count}"
    raise ConfigError(f"method.layers={spec}", f"names no layers of a model of {count}", remedy)


def select_sites(method: MethodConfig, sites: tuple[LinearSite, ...]) -> tuple[LinearSite, ...]:
    """The sites that a method adapts; none for `full` and `head`.

    Raises ConfigError where the target matches no layer or the rank exceeds min(in, out) of one.
    """
    if method.kind in ("full", "head"):
        return ()
    wanted = select_layers(method.layers, 1 + max(s.layer for s in sites))
    chosen = tuple(s for s in sites if s.layer in wanted and _matches(method.targets, s))
    if not chosen:
        names = sorted({s.within for s in sites})
        remedy = f"choose one of {', '.join(TARGETS)}, or one of {', '.join(names)}"
        raise ConfigError(f"method.targets={method.targets}", "matches no linear layer of this model", remedy)
    limit = min(min(s.inputs, s.outputs) for s in chosen)
    if method.rank > limit:
        rule = f"exceeds min(in, out) = {limit} of a targeted layer"
        raise ConfigError(f"method.rank={method.rank}", rule, f"write a rank from 1 to {limit}")
    return chosen


def _matches(target: str, site: LinearSite) -> bool:
    if target in GROUPS:
        return site.role in GROUPS[target]
    try:
        return site.name.endswith(f".{target}") or re.fullmatch(target, site.name) is not None
    except re.error as error:
        rule = f"is no valid regular expression ({error})"
        raise ConfigError(f"method.targets={target}", rule, f"choose one of {', '.join(TARGETS)}") from error


def lowest_block(method: MethodConfig, sites: tuple[LinearSite, ...], layers: int) -> int:
    """The lowest block that the method changes: 0 for `full`, `layers` for `head`, which changes none."""
    if method.kind == "full":
        return 0
    return min((s.layer for s in select_sites(method, sites)), default=layers)


def load(model: ModelConfig) -> Encoder:
    """The model's frozen backbone in evaluation mode, in `model.precision`, with its tokenizer.

    An encoder–decoder model is read by its encoder alone.
    """
    from transformers import AutoModel, AutoTokenizer

    where, config = source(model.name), configured(model)
    tokenizer = AutoTokenizer.from_pretrained(where)
    if model.random_weights:
        torch.manual_seed(0)
        backbone = AutoModel.from_config(config)
    else:
        backbone = AutoModel.from_pretrained(where, dtype=torch.float32)
    return wrap(_reader(backbone).to(getattr(torch, model.precision)), tokenizer, identity(model))


def _reader(backbone: Any) -> nn.Module:
    """The part of a model that reads texts."""
    return backbone.get_encoder() if backbone.config.is_encoder_decoder else backbone  # type: ignore[no-any-return]


def wrap(backbone: nn.Module, tokenizer: Any, mark: str = "") -> Encoder:
    """An Encoder around a backbone at hand; the backbone is frozen in place."""
    backbone.eval().requires_grad_(False)
    attention.use(backbone)
    config: Any = backbone.config
    sites = linear_sites(backbone)
    count = sum(p.numel() for p in backbone.parameters())
    return Encoder(backbone, tokenizer, sites, len(blocks(backbone)[1]), config.hidden_size, mark, count)


def identity(model: ModelConfig) -> str:
    """The fingerprint, or nothing where it names no certain weights: then nothing of them must be kept."""
    mark = fingerprint(model)
    return "" if mark.endswith("@None") else mark


def fingerprint(model: ModelConfig) -> str:
    """What identifies the weights: a digest of the local files, or the Hub's name and commit."""
    where = Path(source(model.name))
    if not where.is_dir():
        return f"{model.name}@{getattr(configured(model), '_commit_hash', None)}"
    digest = hashlib.sha256(json.dumps(model.random_weights).encode())
    for file in sorted(where.glob("*.json")) + sorted(where.glob("*.safetensors")):
        digest.update(file.name.encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
