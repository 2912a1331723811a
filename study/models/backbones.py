"""Which backbone reads which examples: encoders for texts and documents, language models for pairs of texts,
graph networks for graphs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from study.config.schema import ModelConfig
from study.core.errors import ConfigError
from study.data.examples import Documents, Examples, Graph, Pairs
from study.models import encoders, generators, graphs
from study.models.embedded import EMBEDDED
from study.models.encoders import Encoder
from study.models.tables import Tables, tables
from study.models.targets import LinearSite, stack_depths


@dataclass(frozen=True)
class Geometry:
    """What a model looks like before its weights are there: its linear layers, its blocks, its parameters, and what
    it can look up of what it reads (of a graph it looks up nothing)."""

    sites: tuple[LinearSite, ...]
    layers: int
    parameters: int
    tables: tuple[Tables, ...] = ()

    def height(self, site: LinearSite) -> int:
        """The block of the layer, those of a decoder counted on from those of its encoder."""
        return site.layer + (stack_depths(self.sites).get("encoder", 0) if site.stack == "decoder" else 0)


def geometry(model: ModelConfig, examples: Examples) -> Geometry:
    """The geometry of the model as it would read these examples; StudyError where it cannot."""
    if isinstance(examples, Graph):
        return Geometry(*encoders.measured(graphs.shapes(model, examples)))
    graphs.refuse(model)
    if isinstance(examples, Pairs):
        return _geometry(generators.shapes(model))
    if isinstance(examples, Documents) and model.pooling == "pooler":
        rule = "reads a text's first token, and a summary is made of vectors of every sentence"
        raise ConfigError("model.pooling=pooler", rule, "write model.pooling=mean or cls")
    if model.pooling == "cls" and generators.left_to_right(encoders.configured(model)):
        rule = "reads a text's first token, which knows nothing of the others in a model that reads from left to right"
        raise ConfigError("model.pooling=cls", rule, "write model.pooling=last or mean")
    return _geometry(encoders.shapes(model))


def _geometry(backbone: nn.Module) -> Geometry:
    return Geometry(*encoders.measured(backbone), tables(backbone))


def geometry_of(encoder: Encoder) -> Geometry:
    """That of a model that has been loaded, without what it can look up."""
    return Geometry(encoder.sites, encoder.layers, encoder.parameters)


def load(model: ModelConfig, examples: Examples) -> Encoder:
    """The frozen model that reads these examples, with its tokenizer."""
    if isinstance(examples, Graph):
        return graphs.load(model, examples)
    return generators.load(model) if isinstance(examples, Pairs) else encoders.load(model)


def fingerprint(model: ModelConfig, examples: Examples) -> str:
    """What identifies the weights of the model that reads these examples."""
    return graphs.fingerprint(model, examples) if isinstance(examples, Graph) else encoders.fingerprint(model)


def marks(names: Iterable[str]) -> dict[str, str]:
    """What identifies the files of those models that are folders of the user's own, by name."""
    own = [name for name in names if name not in EMBEDDED and encoders.is_folder(name)]
    return {name: encoders.fingerprint(ModelConfig(name)) for name in own}


def highest_full_lr(examples: Examples) -> float:
    """The highest learning rate that suits training all of a model that reads these examples."""
    if isinstance(examples, Graph):  # its authors train them whole at 0.005 and 0.01, and from nothing
        return math.inf
    # An adapter's learning rate destroys a language model; 1e-4 is at the upper end of what BERT's authors advise
    # (Devlin et al. 2019, appendix A.3), which suits a small encoder.
    return 1e-4
