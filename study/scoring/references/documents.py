"""Of documents, within the study's budget of words: their first sentences, what is marked, and the best choice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.core.records import Fold
from study.data.examples import Documents
from study.scoring.references.base import Scores, join_sentences, rouge_means
from study.text import summaries
from study.text.rouge import Words


def scores(documents: Documents, fold: Fold) -> Scores:
    """``lead``: the first sentences; ``oracle``: what a greedy search for the reference takes; ``highlights``: what
    is marked."""
    held, budget, words = documents.take(fold.valid), documents.budget, documents.words
    rows = list(zip(held.sentences, held.references, held.highlights, strict=True))
    choices = {
        "lead": [summaries.lead(sentences, budget, words) for sentences, _, _ in rows],
        "oracle": [summaries.oracle(sentences, reference, budget, words) for sentences, reference, _ in rows],
        "highlights": [_select_highlights(sentences, highlights, budget, words) for sentences, _, highlights in rows],
    }
    texts = {name: list(map(join_sentences, held.sentences, kept)) for name, kept in choices.items()}
    return {name: rouge_means(summarized, held.references, words) for name, summarized in texts.items()}


def _select_highlights(sentences: Sequence[str], highlights: Sequence[int], budget: int, words: Words) -> list[int]:
    """The highlighted sentences that fit into the budget, the first ones first; at least one if there is one."""
    marked = [i for i, highlight in enumerate(highlights) if highlight]
    kept = summaries.choose_sentences(np.ones(len(marked)), [sentences[i] for i in marked], budget, words)
    return [marked[i] for i in kept]


SCORES = scores
