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
from analysis.several import answers_grid
from analysis.study_info import StudyInfo
from analysis.view import view_of
from study.core.evidence.outlook import Outlook
from study.core.figures import repeat_figures
from study.core.markdown import escape_marks

TAKEN = r"since no two of the 9 can be told apart; if you need one now, take (\w+), .* with probability (0\.\d+)"


def noise(step):
    """By label: what it trains, and its scores on three folds, which differ by little but steps of noise."""
    scores = ((i, 0.55 + step * (i % 3 - 1), 0.55 - step * (i % 2), 0.55 + step * (i % 4)) for i in range(1, 9))
    return {"head": (100, (0.55, 0.52, 0.62))} | {f"r{i}": (1000 * i, tuple(folds)) for i, *folds in scores}


def undecided(trials, shuffled=False, again=()):
    findings = findings_on(trials, shuffled, again)
    assert shuffled or headline(findings).startswith(
        "The data cannot tell which configuration is the cheapest within 0.01"
    )
    return findings


def findings_on(trials, shuffled=False, again=()):
    rows = [
        {"number": number, "label": label, "state": "complete", "kind": "head" if label == "head" else "lora",
         "params/trainable": cost, "score": np.mean(folds), "score_se": 0.03, "run_id": f"run{number}"}
        | {f"score/fold_{i}": score for i, score in enumerate(folds)}
        | again_of(folds, label in again)
        for number, (label, (cost, folds)) in enumerate(trials.items())
    ]  # fmt: skip
    frame = trial_frame(rows)
    info = StudyInfo(
        "1", "FINISHED", pd.Timestamp(0, tz="UTC"), {"task.shuffle_labels": str(shuffled)}, {"metric": "accuracy"}
    )
    return findings_of(StudyRuns("noise", info, frame, fold_frame(frame), {}))


def again_of(folds, there):
    """The figures of a second cross-validation, in which every fold scored 0.1 less; none where there was none."""
    lower = [{i: score - less for i, score in enumerate(folds)} for less in (0, 0.1)]
    return repeat_figures(lower) if there else {}


@pytest.mark.parametrize("shuffled", [False, True])
def test_what_the_best_of_many_is_worth_is_said_where_nothing_can_be_told_too(shuffled):
    findings = undecided(noise(0.03), shuffled)
    corrected = f"chosen as the best of 9, it is worth {findings.judgement.corrected:.4f}."
    assert corrected in headline(findings)
    assert escape_marks(corrected) in conclusion_of(findings).note


def test_the_answer_gives_the_mean_of_all_cross_validations_where_it_counts_them():
    findings = undecided(noise(0.03), again=noise(0.03))
    chosen = findings.trial(findings.recommended)
    mean = f"{chosen['score'] - 0.05:.4f} over 2 cross-validations"
    assert f"if you need one now, take {chosen['label']}, accuracy {mean} at " in headline(findings)
    assert view_of(findings).choices[0].score == mean
    assert conclusion_of(findings).figures["answer/score"] == pytest.approx(chosen["score"] - 0.05)
    view, (row,) = view_of(findings), answers_grid([findings]).rows
    assert mean in row
    assert mean in view.budgets.rows[-1]
    assert mean in view.explorer["budgets"]["params/trainable"]["steps"][-1]["said"]
    assert "are of the first cross-validation" in conclusion_of(findings).note


def test_what_to_take_meanwhile_is_not_called_the_most_probable():
    findings = undecided(noise(0.03))
    taken, probability = re.search(TAKEN, headline(findings)).groups()
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


def test_what_is_cheaper_and_all_but_impossible_is_said_in_words():
    trials = noise(0.03)
    trials["head"] = (100, (0.2, 0.25, 0.22))
    trials |= {"r1": (1000, (0.21, 0.24, 0.2)), "r2": (2000, (0.22, 0.2, 0.24))}
    findings = undecided(trials)
    rows = {row["Configuration"]: row["Within 0.01 of the best"] for row in comparison_rows(findings)}
    assert {rows[name] for name in ("head", "r1", "r2")} == {"< 0.01"}
    assert re.search(r"with probability 0\.\d+, and anything cheaper with less than 0\.01\.", headline(findings))


def test_where_some_can_be_told_apart_the_likeliest_of_the_cheap_ones_is_taken_meanwhile():
    plain, apart = undecided(noise(0.03)), undecided(noise(0.03) | {"bad": (50, (0.1, 0.12, 0.11))})
    assert (plain.judgement.none_apart, apart.judgement.none_apart) == (True, False)
    assert " Meanwhile take " in headline(apart)
    assert [choices(f)[0][0] for f in (plain, apart)] == [
        "If you need one now, not certain", "To take meanwhile, not certain"
    ]  # fmt: skip
    assert [f.mark[0] for f in (plain, apart)] == ["if you need one now", "to take meanwhile"]


def test_in_a_control_nothing_is_to_be_taken_or_decided():
    plain, control = undecided(noise(0.03)), undecided(noise(0.03), shuffled=True)
    kept = headline(plain).partition(" None is recommended")[0]
    assert headline(control).startswith(f"{CONTROL} {kept} The highest expected score")
    assert "Meanwhile" not in headline(control)
    wanting = replace(control.judgement)
    wanting.__dict__["outlook"] = Outlook(tolerance=0.02)  # which is computed when it is asked for
    assert deciding_command(plain.runs, wanting)
    assert deciding_command(control.runs, wanting) == ""
    assert (view_of(control).recipe, control.mark, view_of(control).explorer["recommended"]) == (None, None, None)
    assert choices(control)[0][1] is None
    assert view_of(plain).budgets.rows
    assert (view_of(control).budgets.rows, view_of(control).explorer["budgets"]) == ((), {})
    assert f"trial={control.judgement.best} format=all" in view_of(control).how_to_export
    meanwhile, note = conclusion_of(plain), conclusion_of(control)
    assert meanwhile.recommended == plain.judgement.recommended is not None
    assert (note.recommended, [role for role in note.trials.values() if "need one now" in role]) == (None, [])


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
