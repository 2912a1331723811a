"""Of texts with classes: a classifier."""

from __future__ import annotations

from typing import ClassVar

from study.data.examples import Texts
from study.export.job.kinds.base import Exported, text_frame
from study.export.runtime.frame import CLASSIFY, Frame
from study.models.encoders import Encoder


class Classifies(Exported):
    """Answers a text with logits, one a class."""

    use: ClassVar[str] = CLASSIFY

    def frame(self, examples: Texts, encoder: Encoder, longest: int) -> Frame:
        return text_frame(encoder, longest)

    def classes(self, examples: Texts) -> tuple[str, ...]:
        return examples.classes


EXPORTED = Classifies()
