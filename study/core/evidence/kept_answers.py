"""The answers that a study has kept, as far as they say what its scores rest on."""

from __future__ import annotations

import numpy as np

from study.core import metrics
from study.core.evidence.jackknife import worths
from study.core.evidence.table import ACCURACY, MACRO_F1, Worths


def usable_answers(
    trained: np.ndarray,
    fold: np.ndarray,
    metric: str,
    predicted: np.ndarray | None = None,
    worth: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    group: np.ndarray | None = None,
    example: np.ndarray | None = None,
) -> Worths | None:
    """The answers, `predicted` or `worth` [C, M], of configurations `trained` [C, F] on folds; all else is [M].

    Of a metric of classes without a weighted form, what each answer contributes is its pseudo-value. None where they
    cannot be used: a trained fold has none, as in studies of earlier versions, or the metric is not known here, so that
    its error over examples is left to what folds differ by.
    """
    if predicted is None and worth is None:
        return None
    if worth is None and (labels is None or metric not in metrics.NAMES):
        return None
    if worth is None and predicted is not None and labels is not None and metric not in (ACCURACY, MACRO_F1):
        worth = worths(metric, predicted, labels, fold)
    answers = Worths(fold, metric, worth, None if worth is not None else predicted, labels, group, example)
    answered = ~np.isnan(answers.each)
    return answers if (answered == trained[:, fold]).all() else None
