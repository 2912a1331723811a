"""Of documents: a model that chooses the sentences of a summary."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from study.data.examples import Documents
from study.export.job.kinds.base import Exported, text_frame
from study.export.runtime.frame import CHOOSE, Frame
from study.models.encoders import Encoder


class Chooses(Exported):
    """Scores the sentences of a document, and takes the best within a budget of words."""

    use: ClassVar[str] = CHOOSE
    unregistered: ClassVar[str] = (
        "registers models that read one text at a time, and a document is a question with sentences"
    )

    def frame(self, examples: Documents, encoder: Encoder, longest: int) -> Frame:
        return replace(text_frame(encoder, longest), budget=examples.budget, words=examples.words.name)


EXPORTED = Chooses()
