"""The contract of a kind's exports: what the model does, and how it reads a text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from study.export.runtime.frame import Frame
from study.models.encoders import Encoder


class Exported(ABC):
    """What a model that learned from one kind of examples is exported as.

    `use` is what it does: classify, write or choose. `unregistered` says why it cannot be a registered model, and
    is empty where it can. Guarantee: with its frame it reads a text as the engine's problem of that kind does.
    """

    use: ClassVar[str]
    unregistered: ClassVar[str] = ""

    @abstractmethod
    def frame(self, examples: Any, encoder: Encoder, longest: int) -> Frame:
        """How the model reads a text of at most `longest` tokens."""

    def classes(self, examples: Any) -> tuple[str, ...]:
        """The labels in the order of the logits; none where the model does not classify."""
        return ()


def text_frame(encoder: Encoder, longest: int) -> Frame:
    """How a model reads a text in which its tokenizer sets the marks."""
    tokenizer: Any = encoder.tokenizer
    return Frame(longest, tokenizer.pad_token_id or 0, tokenizer.truncation_side)
