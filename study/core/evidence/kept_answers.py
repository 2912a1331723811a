"""The answers that a study has kept, as far as they say what its scores rest on."""

from __future__ import annotations

import numpy as np

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

    None where they cannot be used: a trained fold has none, as in studies of earlier versions, or the metric is
    neither a mean over answers nor macro-F1, so that its error over examples is left to what folds differ by.
    """
    if predicted is None and worth is None:
        return None
    if worth is None and (labels is None or metric not in (ACCURACY, MACRO_F1)):
        return None
    answers = Worths(fold, metric, worth, None if worth is not None else predicted, labels, group, example)
    answered = ~np.isnan(answers.each)
    return answers if (answered == trained[:, fold]).all() else None
