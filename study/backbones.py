"""Which backbone reads which examples: encoders for texts and documents, language models for pairs of texts."""

from __future__ import annotations

from dataclasses import dataclass

from study import generators, models
from study.config import ModelConfig
from study.errors import ConfigError
from study.examples import Documents, Examples, Pairs
from study.models import Encoder, LinearSite


@dataclass(frozen=True)
class Geometry:
    """What a model looks like before its weights are there: its linear layers, its blocks, its parameters."""

    sites: tuple[LinearSite, ...]
    layers: int
    parameters: int


def geometry(model: ModelConfig, examples: Examples) -> Geometry:
    """The geometry of the model as it would read these examples; StudyError where it cannot."""
    if isinstance(examples, Pairs):
        return Geometry(*models.measured(generators.shapes(model)))
    if isinstance(examples, Documents) and model.pooling == "pooler":
        rule = "reads a text's first token, and a summary is made of vectors of every sentence"
        raise ConfigError("model.pooling=pooler", rule, "write model.pooling=mean or cls")
    if model.pooling == "cls" and generators.left_to_right(models.configured(model)):
        rule = "reads a text's first token, which knows nothing of the others in a model that reads from left to right"
        raise ConfigError("model.pooling=cls", rule, "write model.pooling=last or mean")
    return Geometry(*models.geometry(model))


def load(model: ModelConfig, examples: Examples) -> Encoder:
    """The frozen model that reads these examples, with its tokenizer."""
    return generators.load(model) if isinstance(examples, Pairs) else models.load(model)
