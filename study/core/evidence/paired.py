"""How sure a mean over folds is, and whether two configurations differ, paired fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
import pandas as pd

from study.core.standard_error import standard_error


@dataclass(frozen=True)
class PairedDifference:
    """Mean of `scores - reference` over k shared folds; a number that k folds cannot give is NaN."""

    mean: float
    se: float
    low: float
    high: float
    folds: int

    @property
    def distinguishable(self) -> bool | None:
        """Whether the interval leaves zero out; None where there is no interval."""
        return None if np.isnan(self.low) else not self.low <= 0 <= self.high


def mean_and_se(values: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error; NaN where there are too few values."""
    return float(np.mean(values)) if len(values) else nan, standard_error(values)


def paired_difference(
    scores: pd.Series, reference: pd.Series, confidence: float = 0.95, nadeau_bengio: bool = False
) -> PairedDifference:
    """The mean difference with its t interval on k-1 degrees of freedom; both series are indexed by fold.

    The training sets of k folds overlap, so s/√k is too small. `nadeau_bengio` widens it to the corrected
    resampled error s·√(1/k + n_test/n_train) = s·√(1/k + 1/(k-1)) (Nadeau and Bengio 2003).
    """
    from scipy.special import stdtrit  # the quantile of Student's t, without the seconds that scipy.stats takes

    difference = (scores - reference).dropna()
    k = len(difference)
    mean, se = mean_and_se(difference.tolist())
    if k < 2:
        return PairedDifference(mean, nan, nan, nan, k)
    if nadeau_bengio:
        se *= sqrt(1 + k / (k - 1))
    half = float(stdtrit(k - 1, (1 + confidence) / 2)) * se
    return PairedDifference(mean, se, mean - half, mean + half, k)


def compare_to_best(folds: pd.DataFrame, numbers: Sequence[int], best: int, confidence: float = 0.95) -> pd.DataFrame:
    """One row a trial in `numbers`: its difference to `best`, plain and corrected, and a verdict."""
    scores = folds.pivot(index="fold", columns="number", values="score")
    empty = pd.Series(dtype=float)
    rows = []
    for number in numbers:
        pair = (scores.get(number, empty), scores.get(best, empty))
        plain = paired_difference(*pair, confidence)
        corrected = paired_difference(*pair, confidence, nadeau_bengio=True)
        rows.append(_comparison(number, number == best, plain, corrected))
    return pd.DataFrame(rows, columns=list(COMPARISON))


COMPARISON = ("number", "mean", "se", "low", "high", "corrected_low", "corrected_high", "folds", "verdict")


def _comparison(number: int, is_best: bool, plain: PairedDifference, corrected: PairedDifference) -> dict[str, object]:
    return {
        "number": number, "mean": plain.mean, "se": plain.se, "low": plain.low, "high": plain.high,
        "corrected_low": corrected.low, "corrected_high": corrected.high, "folds": plain.folds,
        "verdict": "best" if is_best else _verdict(plain, corrected),
    }  # fmt: skip


def _verdict(plain: PairedDifference, corrected: PairedDifference) -> str:
    if plain.distinguishable is None:
        return "too few folds"
    if corrected.distinguishable:
        return "distinguishable"
    return "borderline" if plain.distinguishable else "not distinguishable"
