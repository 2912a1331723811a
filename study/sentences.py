"""Texts to sentences, by a splitter that learns abbreviations from the texts at hand (Kiss & Strunk 2006, Punkt)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

ENOUGH = 500_000  # characters that the splitter learns from, in two seconds; more change one sentence in 300
PARAGRAPH = re.compile(r"\n\s*\n")

Splitter = Callable[[str], tuple[str, ...]]


def splitter(texts: Iterable[str]) -> Splitter:
    """A function from a text to its sentences, none of them empty; it needs no labels and no download.

    A blank line ends a sentence too. The first of the texts teach it, up to ENOUGH characters.
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
        found = (s for part in PARAGRAPH.split(text) for s in punkt.tokenize(part))
        return tuple(s for s in (" ".join(s.split()) for s in found) if s)

    return split
