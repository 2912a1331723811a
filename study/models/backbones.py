"""The backbone that reads a study's examples: its shapes, its weights, and what identifies them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from study.config.schema import ModelConfig
from study.core import kinds
from study.data.examples import Examples
from study.models import encoders, hub
from study.models.embedded import EMBEDDED
from study.models.encoders import Encoder
from study.models.geometry import Geometry
from study.models.kinds.base import Reader


def reader(examples: Examples) -> Reader:
    """The reader that opens models for this kind of examples; ConfigError where there is none."""
    made: Reader = kinds.module("study.models.kinds", examples.kind).READER
    return made


def geometry(model: ModelConfig, examples: Examples) -> Geometry:
    """The geometry of the model as it would read these examples; StudyError where it cannot."""
    opens = reader(examples)
    backbone = opens.shapes(model, examples)
    configured: Any = backbone.config
    return Geometry(*encoders.dimensions(backbone), opens.tables(backbone), configured.hidden_size)


def geometry_of(encoder: Encoder) -> Geometry:
    """That of a model that has been loaded, without what it can look up."""
    return Geometry(encoder.sites, encoder.layers, encoder.parameters, hidden=encoder.hidden)


def load(model: ModelConfig, examples: Examples) -> Encoder:
    """The frozen model that reads these examples, with its tokenizer."""
    return reader(examples).load(model, examples)


def fingerprint(model: ModelConfig, examples: Examples) -> str:
    """A text that identifies the weights of the model that reads these examples."""
    return reader(examples).fingerprint(model, examples)


def marks(names: Iterable[str]) -> dict[str, str]:
    """A fingerprint by name for those of the models that are folders of the user's own, whose files may change."""
    folders = [name for name in names if name not in EMBEDDED and hub.is_folder(name)]
    return {name: encoders.fingerprint(ModelConfig(name)) for name in folders}


def highest_full_lr(examples: Examples) -> float:
    """The highest learning rate that suits training all of a model that reads these examples."""
    return reader(examples).highest_full_lr
