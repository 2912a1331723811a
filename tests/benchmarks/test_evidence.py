"""A short version of the simulations: what a study says is true as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import evidence
from simulated import METRICS, study

from study.core.evidence.compare import Comparison
from study.core.evidence.sources import estimate

STUDIES = 6


@pytest.fixture(scope="module")
def cells() -> evidence.Cells:
    return {
        (metric, effect, "8", str(k)): evidence.outcomes(metric, effect, 8, k, STUDIES)
        for metric in METRICS
        for effect in evidence.EFFECTS
        for k in (3, 5)
    }


def test_marginal_intervals_cover_the_truth_about_as_often_as_they_say(cells: evidence.Cells) -> None:
    results = [result for some in cells.values() for result in some]
    assert 0.93 < evidence.share(results, lambda result: result.covered) < 0.99


def test_studies_of_noise_hardly_ever_claim_a_difference(cells: evidence.Cells) -> None:
    noise = evidence.by(cells, (1,))[("none",)]
    assert len(noise) == 6 * STUDIES
    assert evidence.share(noise, lambda result: result.claims) < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / len(noise))


def test_a_true_difference_is_claimed(cells: evidence.Cells) -> None:
    assert evidence.share(evidence.by(cells, (0, 1))[("rouge", "one")], lambda result: result.claims) > 0.9


def test_a_choice_that_is_called_sure_is_near_enough_nine_times_in_ten(cells: evidence.Cells) -> None:
    sure = [result for some in cells.values() for result in some if result.sure]
    assert len(sure) > 40
    assert evidence.share(sure, lambda result: result.chosen[2][0] <= evidence.TOLERANCE) >= 0.9


def test_the_recommendation_is_no_worse_than_that_of_the_rule_before(cells: evidence.Cells) -> None:
    results = [result for some in cells.values() for result in some]
    before, now = (evidence.share(results, lambda result, rule=rule: result.chosen[rule][0]) for rule in (0, 2))
    assert now <= before + 0.001


def test_among_equals_the_correction_takes_the_flattery_away(cells: evidence.Cells) -> None:
    noise = evidence.by(cells, (1,))[("none",)]
    raw, corrected = (evidence.share(noise, lambda result, part=part: result.flattered[part]) for part in (0, 1))
    assert raw > 0.012
    assert abs(corrected) < raw / 2


def test_two_studies_of_one_question_never_claim_opposite_signs() -> None:
    levels = np.array([0.80, 0.80, 0.81, 0.83, 0.80, 0.86])
    claimed = 0
    for seed in range(60):
        metric = METRICS[seed % 3]
        first, second = (Comparison(estimate(study(levels, 3, metric, s).table)).claims() for s in (seed, seed + 1000))
        assert (first * second >= 0).all()
        claimed += int((first != 0).any() and (second != 0).any())
    assert claimed > 5  # in enough pairs both studies had something to say


def test_the_tables_hold_what_was_counted() -> None:
    one = evidence.Outcome(0.9, True, False, ((0.02, 0.5), (0.0, 0.5), (0.01, 0.0)), True, (0.03, -0.01))
    other = evidence.Outcome(1.0, False, False, ((0.0, 0.5), (0.0, 0.5), (0.0, 1.0)), False, (0.01, 0.01))
    cells = {("rouge", "one", "10", "3"): [one], ("rouge", "one", "40", "3"): [other]}
    assert [*evidence.claims_table(cells)][2:] == ["| rouge | one | 3 | 2 | 95.0% | 50% | 0% | +0.020 | +0.000 |"]
    first, second = [*evidence.regret_table(cells)][2:]
    new = "0.0100, 100%, 0.00"
    assert first == f"| one | 10 | 0.0200, 0%, 0.50 | 0.0000, 100%, 0.50 | {new} | 100% of studies: {new} |"
    assert second == "| one | 40 | 0.0000, 100%, 0.50 | 0.0000, 100%, 0.50 | 0.0000, 100%, 1.00 | never |"
