"""Scores that need no training: what a trained configuration is to be held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.core.figures import ERROR
from study.core.records import Fold
from study.core.standard_error import standard_error
from study.data.examples import Classified, Documents, Examples, Pairs
from study.scoring import metrics
from study.text import rouge, summaries
from study.text.rouge import Words
from study.text.sentences import splitter

Scores = dict[str, dict[str, float]]


def references(examples: Examples, fold: Fold) -> Scores:
    """The metrics, by reference and name, on a fold's validation part.

    Classes: ``majority``, the training part's most frequent class. Documents, within the study's budget: ``lead``,
    their first sentences; ``oracle``, what a greedy search for the reference takes; ``highlights``, what is marked.
    Pairs: ``lead``, the source's first sentences, as long as the training part's targets are on average.
    """
    if isinstance(examples, Classified):
        return _of_classes(examples, fold)
    if isinstance(examples, Documents):
        return _of_documents(examples, fold)
    return _of_pairs(examples, fold) if isinstance(examples, Pairs) else {}


def summary(examples: Examples, folds: Sequence[Fold]) -> dict[str, float]:
    """Means over the folds, ``reference/<name>/<metric>``, their standard errors (``_se``), and the scores of the
    last one, the test's, as ``reference/<name>/test/<metric>``, where it has examples."""
    *searched, test = folds
    found = [references(examples, fold) for fold in searched]
    out = {}
    for name, metric in [(name, metric) for name, scores in found[0].items() for metric in scores]:
        values = [scores[name][metric] for scores in found]
        out[f"reference/{name}/{metric}"] = float(np.mean(values))
        out[f"reference/{name}/{metric}{ERROR}"] = standard_error(values)
    tested = references(examples, test) if len(test.valid) else {}
    return out | {f"reference/{n}/test/{m}": v for n, scores in tested.items() for m, v in scores.items()}


def _of_classes(examples: Classified, fold: Fold) -> Scores:
    most = int(np.bincount(examples.labels[fold.train]).argmax())
    labels = examples.labels[fold.valid]
    answer = np.full_like(labels, most)
    figures = {"accuracy": metrics.accuracy(answer, labels), "macro_f1": metrics.macro_f1(answer, labels)}
    return {"majority": figures}


def _of_documents(documents: Documents, fold: Fold) -> Scores:
    own, budget, words = documents.take(fold.valid), documents.budget, documents.words
    rows = list(zip(own.sentences, own.references, own.highlights, strict=True))
    choices = {
        "lead": [summaries.lead(sentences, budget, words) for sentences, _, _ in rows],
        "oracle": [summaries.oracle(sentences, reference, budget, words) for sentences, reference, _ in rows],
        "highlights": [_marked(sentences, highlights, budget, words) for sentences, _, highlights in rows],
    }
    texts = {name: list(map(_joined, own.sentences, kept)) for name, kept in choices.items()}
    return {name: _rouge(summarized, own.references, words) for name, summarized in texts.items()}


def _marked(sentences: Sequence[str], highlights: Sequence[int], budget: int, words: Words) -> list[int]:
    """The highlighted sentences that fit into the budget, the first ones first; at least one if there is one."""
    marked = [i for i, highlight in enumerate(highlights) if highlight]
    kept = summaries.chosen(np.ones(len(marked)), [sentences[i] for i in marked], budget, words)
    return [marked[i] for i in kept]


def _joined(sentences: Sequence[str], kept: Sequence[int]) -> str:
    return " ".join(sentences[i] for i in kept)


def _of_pairs(pairs: Pairs, fold: Fold) -> Scores:
    learned, own, words = pairs.take(fold.train), pairs.take(fold.valid), pairs.words
    budget = round(float(np.mean([words.count(t) for t in learned.targets])))
    split = splitter(learned.sources)
    sentences = [split(source) for source in own.sources]
    leads = [_joined(s, summaries.lead(s, budget, words)) for s in sentences]
    return {"lead": _rouge(leads, own.targets, words)}


def _rouge(texts: Sequence[str], wanted: Sequence[str], words: Words) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in rouge.f1(texts, wanted, words).items()}
