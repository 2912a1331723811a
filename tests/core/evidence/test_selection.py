"""The best of many, less what being the best has flattered it by."""

import numpy as np
import pytest
from simulated import study

from study.core.evidence.selection import corrected_best


@pytest.mark.parametrize("overlap", [True, False], ids=["training sets matter", "training sets do not"])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "rouge"])
def test_among_equals_the_best_is_brought_back_to_the_truth(metric: str, overlap: bool) -> None:
    """Whether all trainings of a configuration err together is nothing that its folds show."""
    raw, corrected = flattered(metric, answers=True, overlap=overlap)
    assert raw > 0.01
    assert abs(corrected) < raw / 2


def test_without_answers_the_correction_takes_all_error_for_training_and_is_the_larger() -> None:
    raw, corrected = flattered("accuracy", answers=False)
    assert raw > 0.015
    assert -raw < corrected < raw / 3


def flattered(metric: str, answers: bool, overlap: bool = True) -> tuple[float, float]:
    """By how much the best of twenty equals exceeds the truth on average, as measured and corrected."""
    raw, corrected = [], []
    for seed in range(12):
        simulated = study(np.full(20, 0.8), 4, metric, seed, examples=300, answers=answers, overlap=overlap)
        raw.append(simulated.table.scores.mean(axis=1).max() - simulated.truth[0])
        corrected.append(corrected_best(simulated.table, 200, seed) - simulated.truth[0])
    return float(np.mean(raw)), float(np.mean(corrected))


def test_a_clear_best_keeps_its_score() -> None:
    table = study(np.array([0.6, 0.9, 0.6]), 5, "rouge", examples=3000).table
    assert corrected_best(table) == pytest.approx(table.scores[1].mean(), abs=0.002)


def test_one_fold_gives_no_correction() -> None:
    assert np.isnan(corrected_best(study(np.full(3, 0.8), 1).table))
