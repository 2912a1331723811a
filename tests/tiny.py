"""Tiny models made on the spot, so that no test needs a network or a large model unless it says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from study import models
from study.config import Configuration, MethodConfig, ModelConfig, TrainConfig
from study.engine.workbench import StudyData, Tokens, Workbench
from study.models import Encoder
from study.records import Fold

VOCABULARY = 50


def backbone(kind: str = "bert") -> torch.nn.Module:
    """A randomly initialised encoder of two layers (ALBERT: one, used twice)."""
    from transformers import CONFIG_MAPPING, AutoModel

    sizes = {"vocab_size": VOCABULARY, "max_position_embeddings": 40, "num_hidden_layers": 2, "num_attention_heads": 2}
    if kind == "distilbert":
        config = CONFIG_MAPPING[kind](vocab_size=VOCABULARY, dim=16, hidden_dim=32, n_layers=2, n_heads=2)
    else:
        extra = {"embedding_size": 8} if kind == "albert" else {}
        config = CONFIG_MAPPING[kind](hidden_size=16, intermediate_size=32, **sizes, **extra)
    torch.manual_seed(0)
    return AutoModel.from_config(config)


def encoder(kind: str = "bert", dtype: torch.dtype = torch.float64) -> Encoder:
    """The tiny backbone as an Encoder, in float64 so that equality means something."""
    return models.wrap(backbone(kind).to(dtype), tokenizer=None)


def workbench(kind: str = "bert", examples: int = 60, dtype: torch.dtype = torch.float64) -> Workbench:
    """A bench with random token rows whose label is whether token 7 occurs in them."""
    rng = np.random.default_rng(0)
    rows = [rng.integers(8, VOCABULARY, rng.integers(4, 12)) for _ in range(examples)]
    labels = np.arange(examples) % 2
    for row, label in zip(rows, labels, strict=True):
        row[: 3 * label] = 7
    folds = tuple(
        Fold(k, np.flatnonzero(np.arange(examples) % 3 != k), np.flatnonzero(np.arange(examples) % 3 == k))
        for k in range(3)
    )
    bench = Workbench(StudyData(("",) * examples, labels, 2, folds, "accuracy"), torch.device("cpu"))
    model = ModelConfig()
    bench._encoders[model.name, model.random_weights] = encoder(kind, dtype)
    bench._tokens[model.name, model.max_length] = Tokens(tuple(rows), np.array([len(r) for r in rows]), 1)
    return bench


def configuration(epochs: int = 2, batch_size: int = 8, lr: float = 5e-3, **method: object) -> Configuration:
    """A configuration of the tiny model."""
    values = {"rank": 2, **method}
    return Configuration(
        ModelConfig(),
        MethodConfig(**values),
        TrainConfig(epochs=epochs, batch_size=batch_size, lr=lr),  # type: ignore[arg-type]
    )


def save_model(folder: Path, kind: str = "bert") -> Path:
    """A folder that transformers loads by path: a tiny encoder of that family and a word-level tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", *(chr(c) for c in range(ord("a"), ord("z") + 1))]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(folder)
    backbone(kind).save_pretrained(folder)
    return folder


def letters(examples: int = 24) -> StudyData:
    """Texts of letters whose label is whether they begin with an ``a``, in two folds."""
    rng = np.random.default_rng(0)
    labels = np.arange(examples) % 2
    texts = tuple(" ".join(["ba"[y], "ba"[y], *rng.choice(list("cdefgh"), 4)]) for y in labels)
    half = np.arange(examples) < examples // 2
    folds = (Fold(0, np.flatnonzero(half), np.flatnonzero(~half)), Fold(1, np.flatnonzero(~half), np.flatnonzero(half)))
    return StudyData(texts, labels, 2, folds, "accuracy")
