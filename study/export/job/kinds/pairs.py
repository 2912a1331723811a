"""Of pairs of texts: a model that writes."""

from __future__ import annotations

from typing import Any, ClassVar

from study.data.examples import Pairs
from study.engine.tokenization import around, padding
from study.export.job.kinds.base import Exported
from study.export.runtime.frame import WRITE, Frame
from study.models.encoders import Encoder


class Writes(Exported):
    """Answers a text with a text, between the task's own words."""

    use: ClassVar[str] = WRITE

    def frame(self, examples: Pairs, encoder: Encoder, longest: int) -> Frame:
        tokenizer: Any = encoder.tokenizer
        config: Any = encoder.backbone.config
        begin, end = map(tuple, around(examples, tokenizer, config.is_encoder_decoder))
        return Frame(longest, padding(tokenizer), tokenizer.truncation_side, begin, end, examples.longest)


EXPORTED = Writes()
