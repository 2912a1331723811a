"""Intervals hold when only what was undecided is cross-validated again, on a subset that its own scores chose."""

import numpy as np
import pytest
from simulated import Study, repeated_study, reveal

from study.core.evidence.compare import Comparison
from study.core.evidence.sources import estimate
from study.core.evidence.table import ScoreTable
from study.core.evidence.verdict import CHOOSE, Verdict, decide

K, MOST, TOLERANCE = 3, 4, 0.01
LEVELS = {"none": np.full(6, 0.8), "plateau": np.array([0.74, 0.77, 0.79, 0.8, 0.8, 0.8])}


def settle(whole: Study, seed: int) -> tuple[ScoreTable, np.ndarray, list[Verdict]]:
    """What a study sees that repeats what is undecided, the folds [C] that each had, and its verdicts."""
    trained = np.zeros(whole.table.scores.shape, bool)
    trained[:, :K] = True
    costs, verdicts = np.random.default_rng(seed).permutation(len(trained)) + 1.0, []
    for repeat in range(1, MOST + 1):
        table = reveal(whole.table, trained)
        verdicts.append(decide(table, costs, TOLERANCE, seed=seed, count=1000))
        if not verdicts[-1].undecided or repeat == MOST:
            break
        trained[list(verdicts[-1].undecided), repeat * K : (repeat + 1) * K] = True
    return table, trained.sum(axis=1), verdicts


@pytest.mark.parametrize(
    ("metric", "training"), [pytest.param("accuracy", 0.01, marks=pytest.mark.long), ("rouge", 0.02)]
)
def test_intervals_cover_the_truth_where_only_the_undecided_are_repeated(metric: str, training: float) -> None:
    covered: dict[bool, list[bool]] = {True: [], False: []}
    for seed, levels in [(seed, levels) for levels in LEVELS.values() for seed in range(15)]:
        whole = repeated_study(levels, K, MOST, metric, seed, training=training)
        table, folds, _ = settle(whole, seed)
        contrasts = Comparison(estimate(table), seed=seed).against(0)
        for row, contrast in enumerate(contrasts[1:], 1):
            true = whole.truth[row] - whole.truth[0]
            covered[bool(folds[row] > K)].append(contrast.low <= true <= contrast.high)
    assert min(map(len, covered.values())) > 30
    everyone = [*covered[True], *covered[False]]
    shares = {"repeated": np.mean(covered[True]), "all": np.mean(everyone)}
    print(f"\n{metric}: the intervals of {len(covered[True])} repeated ones and of all cover {shares}")
    assert np.mean(covered[True]) > 0.92
    assert 0.92 < np.mean(everyone) < 0.995


def test_repeats_decide_studies_that_one_cross_validation_does_not_and_are_right_as_often_as_they_say() -> None:
    before, after, right = [], [], []
    for seed in range(20):
        whole = repeated_study(LEVELS["plateau"], K, MOST, "rouge", seed)
        _, _, verdicts = settle(whole, seed)
        before.append(verdicts[0].kind == CHOOSE)
        after.append(verdicts[-1].kind == CHOOSE)
        if verdicts[-1].recommended is not None and after[-1]:
            right.append(whole.truth.max() - whole.truth[verdicts[-1].recommended] <= TOLERANCE)
    assert sum(after) > sum(before)
    assert np.mean(right) >= 0.9
