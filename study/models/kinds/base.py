"""The contract of a reader: how the backbone that reads one kind of examples is opened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from study.config.schema import ModelConfig
from study.core.errors import ConfigError
from study.models import encoders, generators, hub
from study.models.embedded import refuse_graph_network
from study.models.encoders import Encoder
from study.models.geometry import Tables

if TYPE_CHECKING:
    from torch import nn


class Reader(ABC):
    """Opens the backbones that read one kind of examples.

    Guarantees: what :meth:`shapes` does not refuse, :meth:`load` loads; both have the same layers and parameters.
    """

    # The highest learning rate that suits training all of such a model. An adapter's learning rate destroys a
    # language model; 1e-4 is at the upper end of what BERT's authors advise (Devlin et al. 2019, appendix A.3), which
    # suits a small encoder.
    highest_full_lr: ClassVar[float] = 1e-4

    @abstractmethod
    def shapes(self, model: ModelConfig, examples: Any) -> nn.Module:
        """The backbone without its weights (meta device); StudyError where it cannot read these examples."""

    @abstractmethod
    def tables(self, backbone: nn.Module) -> tuple[Tables, ...]:
        """The bounds of what the backbone looks up of what it reads, by stack; empty where it looks up nothing."""

    @abstractmethod
    def load(self, model: ModelConfig, examples: Any) -> Encoder:
        """The frozen backbone, with its tokenizer if it has one."""

    @abstractmethod
    def fingerprint(self, model: ModelConfig, examples: Any) -> str:
        """A text that identifies the backbone's weights."""


class TextReader(Reader):
    """Opens models of transformers that read texts, as encoders without a head."""

    def shapes(self, model: ModelConfig, examples: Any) -> nn.Module:
        refuse_graph_network(model)
        if model.pooling == "cls" and generators.left_to_right(hub.configuration(model)):
            rule = "reads a text's first token, which knows nothing of the others in a model that reads from left to "
            raise ConfigError("model.pooling=cls", f"{rule}right", "write model.pooling=last or mean")
        return encoders.shapes(model)

    def tables(self, backbone: nn.Module) -> tuple[Tables, ...]:
        from study.models import tables

        return tables.tables(backbone)

    def load(self, model: ModelConfig, examples: Any) -> Encoder:
        return encoders.load(model)

    def fingerprint(self, model: ModelConfig, examples: Any) -> str:
        return encoders.fingerprint(model)
