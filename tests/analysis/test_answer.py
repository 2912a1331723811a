"""The answer's sentences where the data cannot tell: none says more than the table beneath it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from analysis.findings import comparison_rows, findings_of, headline
from analysis.runs import StudyRuns, fold_frame, trial_frame
from analysis.study_info import StudyInfo

# By label: what it trains, and its scores on three folds, which differ by little but noise.
NOISE = {"head": (100, (0.55, 0.52, 0.62))} | {
    f"r{i}": (1000 * i, (0.55 + 0.05 * (i % 3 - 1), 0.55 - 0.05 * (i % 2), 0.55 + 0.04 * (i % 4))) for i in range(1, 9)
}
HOPELESS = {"head": (100, (0.1, 0.12, 0.11))}  # the only one that is cheaper than the others


def undecided(trials):
    rows = [
        {"number": number, "label": label, "state": "complete", "kind": "head" if label == "head" else "lora",
         "params/trainable": cost, "score": np.mean(folds), "score_se": 0.03}
        | {f"score/fold_{i}": score for i, score in enumerate(folds)}
        for number, (label, (cost, folds)) in enumerate(trials.items())
    ]  # fmt: skip
    frame = trial_frame(rows)
    info = StudyInfo("1", "FINISHED", pd.Timestamp(0, tz="UTC"), {}, {"metric": "accuracy"})
    findings = findings_of(StudyRuns("noise", info, frame, fold_frame(frame), {}))
    assert headline(findings).startswith("The data cannot tell which configuration is the cheapest within 0.01")
    return findings


def test_what_to_take_meanwhile_is_not_called_the_most_probable():
    findings = undecided(NOISE)
    taken, probability = re.search(r"Meanwhile take (\w+), .* with probability (0\.\d+)", headline(findings)).groups()
    rows = {row["Configuration"]: row["Within 0.01 of the best"] for row in comparison_rows(findings)}
    assert rows[taken] == probability
    assert max(rows.values()) > probability  # a dearer one is more probably near
    assert "likeliest" not in headline(findings)


@pytest.mark.parametrize(("trials", "said"), [(NOISE, False), (NOISE | HOPELESS, True)])
def test_nothing_is_said_of_cheaper_ones_where_there_are_none(trials, said):
    assert ("and nothing cheaper comes near that" in headline(undecided(trials))) == said
