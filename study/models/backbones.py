"""The backbone that reads a study's examples: its shapes, its weights, and what identifies them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from study.config.schema import ModelConfig
from study.core import kinds
from study.data.examples import Examples
from study.models import encoders, hub
from study.models.embedded import EMBEDDED
from study.models.encoders import Encoder
from study.models.kinds.base import Reader
from study.models.tables import Tables
from study.models.targets import LinearSite, stack_depths


@dataclass(frozen=True)
class Geometry:
    """A model's looks before its weights are there: its linear layers, its blocks, its parameters and its tables.

    `tables` say what it can look up of what it reads; a graph network looks up nothing.
    """

    sites: tuple[LinearSite, ...]
    layers: int
    parameters: int
    tables: tuple[Tables, ...] = ()

    def height(self, site: LinearSite) -> int:
        """The index of the layer's block, those of a decoder counted on from those of its encoder."""
        return site.layer + (stack_depths(self.sites).get("encoder", 0) if site.stack == "decoder" else 0)


def reader(examples: Examples) -> Reader:
    """The reader that opens models for this kind of examples; ConfigError where there is none."""
    made: Reader = kinds.module("study.models.kinds", examples.kind).READER
    return made


def geometry(model: ModelConfig, examples: Examples) -> Geometry:
    """The geometry of the model as it would read these examples; StudyError where it cannot."""
    opens = reader(examples)
    backbone = opens.shapes(model, examples)
    return Geometry(*encoders.dimensions(backbone), opens.tables(backbone))


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
