"""What a member answered to each held-out example of its fold, kept for what may be asked of a finished study."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass

import numpy as np

SEPARATOR = " "  # between the two arrays of a text
ABSENT = "-"


@dataclass(frozen=True, eq=False)
class Answers:
    """One answer an example, in the order of `Fold.valid`.

    `predicted` are class ids [n] of the smallest unsigned type, None where an answer is no class; `worth` is what each
    answer adds to the metric, [n] in float32, None where `predicted` says it.
    """

    predicted: np.ndarray | None = None
    worth: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.predicted is None and self.worth is None:
            raise ValueError("an answer is a class or is worth something")
        if self.predicted is not None:
            highest = int(self.predicted.max(initial=0))
            object.__setattr__(self, "predicted", self.predicted.astype(np.min_scalar_type(highest)))
        if self.worth is not None:
            object.__setattr__(self, "worth", self.worth.astype(np.float32))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answers) and self.to_text() == other.to_text()

    def to_text(self) -> str:
        """Both arrays in ASCII without quotes or line breaks, at most 4 bytes an example before base64."""
        return SEPARATOR.join(_text_of(array) for array in (self.predicted, self.worth))

    @classmethod
    def from_text(cls, text: str) -> Answers:
        """The inverse of :meth:`to_text`; ValueError where the text is cut short or damaged."""
        predicted, worth = text.split(SEPARATOR)
        return cls(_array_of(predicted), _array_of(worth))


@dataclass(frozen=True)
class Scored:
    """What came of scoring a member on examples: its figures by name, and its answer to each."""

    figures: dict[str, float]
    answers: Answers


def _text_of(array: np.ndarray | None) -> str:
    """The array's type, its bytes from low to high, and a sum that proves them."""
    if array is None:
        return ABSENT
    kind = array.dtype.newbyteorder("<")
    return f"{kind.str}:{base64.b64encode(zlib.compress(array.astype(kind).tobytes())).decode()}"


def _array_of(text: str) -> np.ndarray | None:
    if text == ABSENT:
        return None
    kind, _, packed = text.partition(":")
    try:
        return np.frombuffer(zlib.decompress(base64.b64decode(packed, validate=True)), np.dtype(kind))
    except zlib.error as error:
        raise ValueError(f"answers cannot be unpacked ({error})") from error
