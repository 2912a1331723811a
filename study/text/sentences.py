"""Texts to sentences, by a splitter that learns abbreviations from the texts at hand (Kiss & Strunk 2006, Punkt)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

ENOUGH = 500_000  # characters that the splitter learns from, in two seconds; more change one sentence in 300
PARAGRAPH = re.compile(r"\n\s*\n")

Splitter = Callable[[str], tuple[str, ...]]


def splitter(texts: Iterable[str]) -> Splitter:
    """A function from a text to its sentences, none of them empty; it needs no labels and no download.

    A blank line ends a sentence too, and so do marks of other scripts such as 。 ؟ and ।, with or without a space
    behind them. The first of the texts teach it, up to ENOUGH characters.
    """
    from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer

    trainer, seen = PunktTrainer(), 0
    for text in texts:
        if seen >= ENOUGH:
            break
        seen += len(text)
        trainer.train(text, finalize=False)
    punkt = PunktSentenceTokenizer(trainer.get_params())

    def split(text: str) -> tuple[str, ...]:
        parts = (part for paragraph in PARAGRAPH.split(text) for part in _parts(paragraph))
        sentences = (s for part in parts for s in punkt.tokenize(part))
        return tuple(s for s in (" ".join(s.split()) for s in sentences) if s)

    return split


def _parts(text: str) -> list[str]:
    """The text, cut behind every mark that ends a sentence in a script unknown to Punkt; English stays whole."""
    ends = [match.end() for match in _end().finditer(text)]
    return [text[i:j] for i, j in zip([0, *ends], [*ends, len(text)], strict=True)]


@lru_cache(maxsize=1)
def _end() -> Any:
    """What ends a sentence in other scripts, by Unicode, with the closing quotation marks and brackets behind it.

    ‼ and its like stand in English too and are left to Punkt; a full-width stop before a digit is a decimal point.
    """
    import regex

    mark = r"(?:[\p{Sentence_Break=STerm}--[!?‼‽⁇⁈⁉]]|．(?!\p{N}))"
    closing = r"""(?:[\p{Pe}\p{Pf}]|["'](?![\p{L}\p{N}]))"""
    return regex.compile(rf"{mark}(?:{mark}|[!?])*{closing}*", regex.V1)
