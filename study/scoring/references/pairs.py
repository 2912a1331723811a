"""Of pairs of texts: the source's first sentences."""

from __future__ import annotations

import numpy as np

from study.core.records import Fold
from study.data.examples import Pairs
from study.scoring.references.base import Scores, join_sentences, rouge_means
from study.text import summaries
from study.text.sentences import splitter


def scores(pairs: Pairs, fold: Fold) -> Scores:
    """``lead``: the source's first sentences, as long as the training part's targets are on average."""
    learned, held, words = pairs.take(fold.train), pairs.take(fold.valid), pairs.words
    budget = round(float(np.mean([words.count(t) for t in learned.targets])))
    split = splitter(learned.sources)
    sentences = [split(source) for source in held.sources]
    leads = [join_sentences(s, summaries.lead(s, budget, words)) for s in sentences]
    return {"lead": rouge_means(leads, held.targets, words)}


SCORES = scores
