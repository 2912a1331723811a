"""What references of several kinds of examples are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.core import metrics
from study.core.records import Fold
from study.data.examples import Classified
from study.text import rouge
from study.text.rouge import Words

Scores = dict[str, dict[str, float]]


def majority(examples: Classified, fold: Fold) -> Scores:
    """``majority``: the training part's most frequent class, given to every example."""
    most = int(np.bincount(examples.labels[fold.train]).argmax())
    labels = examples.labels[fold.valid]
    answer = np.full_like(labels, most)
    figures = metrics.scores(answer, labels)
    return {"majority": figures}


def rouge_means(texts: Sequence[str], wanted: Sequence[str], words: Words) -> dict[str, float]:
    """The mean of each ROUGE over texts, each against the one that is wanted."""
    return {name: float(values.mean()) for name, values in rouge.f1(texts, wanted, words).items()}


def join_sentences(sentences: Sequence[str], kept: Sequence[int]) -> str:
    """The kept sentences as one text."""
    return " ".join(sentences[i] for i in kept)
