"""The answer's sentences where the data cannot tell: none says more than the table beneath it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.answer import CONTROL, sentences, verdict_words
from analysis.deciding import deciding_command
from analysis.findings import choices, comparison_rows, findings_of, headline
from analysis.notes import conclusion_of
from analysis.references import Reference
from analysis.runs import StudyRuns, fold_frame, trial_frame
from analysis.study_info import StudyInfo
from analysis.view import view_of
from study.core.evidence.outlook import Outlook


def noise(step):
    """By label: what it trains, and its scores on three folds, which differ by little but steps of noise."""
    scores = ((i, 0.55 + step * (i % 3 - 1), 0.55 - step * (i % 2), 0.55 + step * (i % 4)) for i in range(1, 9))
    return {"head": (100, (0.55, 0.52, 0.62))} | {f"r{i}": (1000 * i, tuple(folds)) for i, *folds in scores}


def undecided(trials, shuffled=False):
    findings = findings_on(trials, shuffled)
    assert shuffled or headline(findings).startswith(
        "The data cannot tell which configuration is the cheapest within 0.01"
    )
    return findings


def findings_on(trials, shuffled=False):
    rows = [
        {"number": number, "label": label, "state": "complete", "kind": "head" if label == "head" else "lora",
         "params/trainable": cost, "score": np.mean(folds), "score_se": 0.03, "run_id": f"run{number}"}
        | {f"score/fold_{i}": score for i, score in enumerate(folds)}
        for number, (label, (cost, folds)) in enumerate(trials.items())
    ]  # fmt: skip
    frame = trial_frame(rows)
    info = StudyInfo(
        "1", "FINISHED", pd.Timestamp(0, tz="UTC"), {"task.shuffle_labels": str(shuffled)}, {"metric": "accuracy"}
    )
    return findings_of(StudyRuns("noise", info, frame, fold_frame(frame), {}))


def test_what_to_take_meanwhile_is_not_called_the_most_probable():
    findings = undecided(noise(0.03))
    taken, probability = re.search(r"Meanwhile take (\w+), .* with probability (0\.\d+)", headline(findings)).groups()
    rows = {row["Configuration"]: row["Within 0.01 of the best"] for row in comparison_rows(findings)}
    assert rows[taken] == probability
    assert max(rows.values()) > probability  # a dearer one is more probably near
    assert "likeliest" not in headline(findings)


@pytest.mark.parametrize(("step", "said"), [(0.03, False), (0.04, True)])
def test_how_near_anything_cheaper_comes_is_said_where_there_is_something(step, said):
    findings = undecided(noise(step))
    rows = {row["Configuration"]: row["Within 0.01 of the best"] for row in comparison_rows(findings)}
    cheaper = f"with probability {rows['r2']}, and nothing cheaper is so with more than {rows['head']}."
    assert (cheaper in headline(findings)) == said


def test_in_a_control_nothing_is_to_be_taken_or_decided():
    plain, control = undecided(noise(0.03)), undecided(noise(0.03), shuffled=True)
    kept = headline(plain).partition(" Meanwhile")[0]
    assert headline(control) == f"{CONTROL} {kept}"
    wanting = replace(control.judgement)
    wanting.__dict__["outlook"] = Outlook(tolerance=0.02)  # which is computed when it is asked for
    assert deciding_command(plain.runs, wanting)
    assert deciding_command(control.runs, wanting) == ""
    assert (view_of(control).recipe, control.mark, view_of(control).explorer["recommended"]) == (None, None, None)
    assert choices(control)[0][1] is None
    meanwhile, note = conclusion_of(plain), conclusion_of(control)
    assert meanwhile.recommended == plain.judgement.recommended is not None
    assert (note.recommended, [role for role in note.trials.values() if "take meanwhile" in role]) == (None, [])


@pytest.mark.parametrize(("level", "said"), [(0.5632, False), (0.5634, True)])
def test_that_what_is_to_be_taken_scores_no_more_than_what_needs_no_training_is_said(level, said):
    findings = undecided(noise(0.03))
    majority = Reference("majority", "accuracy", level, 0.01, float("nan"))
    answer = " ".join(sentences(findings.runs, findings.judgement, [majority]))
    assert " at 100 trained parameters" in answer
    below = f" Its score is no higher than that of majority, which needs no training: {level:.4f}."
    assert (below in answer) == said


@pytest.mark.parametrize("kind", ["head", "r4"])
def test_where_one_configuration_alone_is_compared_it_is_not_said_to_be_unbeaten(kind):
    findings = findings_on({kind: noise(0.03)[kind]})
    assert headline(findings).startswith(f"Only {kind} was compared, so that there is nothing to choose from.")
    assert verdict_words(findings.runs, findings.judgement) == "only one was compared"
