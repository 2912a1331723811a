"""Scores that need no training: what a trained configuration is to be held against. Each kind's are in its file here.

A kind's file has ``SCORES``, a function of the examples and a fold that gives metrics by reference and name, on the
fold's validation part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from study.core import kinds
from study.core.figures import ERROR
from study.core.records import Fold
from study.core.standard_error import standard_error
from study.data.examples import Examples
from study.scoring.references.base import Scores


def references(examples: Examples, fold: Fold) -> Scores:
    """The metrics, by reference and name, on a fold's validation part; ConfigError for an unknown kind of examples."""
    scores: Scores = kinds.module(__name__, examples.kind).SCORES(examples, fold)
    return scores


def summary(examples: Examples, folds: Sequence[Fold]) -> dict[str, float]:
    """Means over the folds, ``reference/<name>/<metric>``, their standard errors (``_se``), and the scores of the
    last one, the test's, as ``reference/<name>/test/<metric>``, where it has examples."""
    *searched, test = folds
    by_fold = [references(examples, fold) for fold in searched]
    out = {}
    for name, metric in [(name, metric) for name, scores in by_fold[0].items() for metric in scores]:
        values = [scores[name][metric] for scores in by_fold]
        out[f"reference/{name}/{metric}"] = float(np.mean(values))
        out[f"reference/{name}/{metric}{ERROR}"] = standard_error(values)
    tested = references(examples, test) if len(test.valid) else {}
    return out | {f"reference/{n}/test/{m}": v for n, scores in tested.items() for m, v in scores.items()}
