"""What would decide is said in one sentence and, where a command does it, with that command."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from simulated import repeated_study

from analysis.deciding import deciding_command, outlook_sentence, repeat_notes
from analysis.runs import StudyRuns, fold_frame, trial_frame
from analysis.study_info import StudyInfo
from study.core.evidence.judgement import Judgement, judge
from study.core.evidence.outlook import Outlook

ARGUMENTS = '["study.name=my study", "study.repeats=2", "method.lam=tag(log,interval(0.1,100))"]'


def runs(**tags: str) -> StudyRuns:
    info = StudyInfo("1", "FINISHED", pd.Timestamp(0, tz="UTC"), {}, {"metric": "accuracy", **tags})
    return StudyRuns("my study", info, trial_frame([]), fold_frame(trial_frame([])), {})


def judgement(outlook: Outlook | None) -> Judgement:
    table = repeated_study(np.full(3, 0.8), 3, 1, examples=120).table
    made = judge(table, {n: {"params/trainable": n} for n in range(3)}, ["score"], 0.01, 0.9)
    made.__dict__["outlook"] = outlook  # which is computed when it is asked for
    return made


CASES = {
    "repeats": (Outlook(repeats=4), "About 4 cross-validations in all would be expected to decide (study.repeats=4).",
                "lora-study 'study.name=my study' 'method.lam=tag(log,interval(0.1,100))' study.repeats=4"),
    "examples": (Outlook(examples=2.4414), "More cross-validations cannot decide, since the held-out examples are what "
                 "makes it unsure: about 300 of them instead of 120 would.", ""),
    "tolerance": (Outlook(tolerance=0.01234), "Neither more cross-validations nor more examples alone would be expected"
                  " to decide: a tolerance of 0.013 would.", "lora-report 'study=my study' tolerance=0.013"),
    "decided": (None, "", ""),
}  # fmt: skip


@pytest.mark.parametrize(("outlook", "sentence", "command"), CASES.values(), ids=CASES)
def test_what_would_decide_is_a_sentence_and_a_command(outlook: Outlook | None, sentence: str, command: str) -> None:
    assert outlook_sentence(judgement(outlook)) == sentence
    assert deciding_command(runs(arguments=ARGUMENTS), judgement(outlook)) == command


@pytest.mark.parametrize(
    ("limit", "changes"),
    [
        ("150 of 10070 used", ["study.name=my study-370", "task.limit=370"]),
        ("150 of 370 used", ["study.name=my study-370", "task.limit=370"]),
        ("150 of 369 used", None),  # all of them would not be enough
        ("150 asked, all 120 used", None),
        (None, None),
    ],
)
def test_where_the_task_has_the_examples_that_are_needed_a_study_of_its_own_uses_them(limit, changes) -> None:
    arguments = json.dumps(["-m", "study.name=my study", "+task.limit=150", "train.lr=1e-3,3e-3"])
    there = runs(arguments=arguments, notes=json.dumps({"limit": limit} if limit else {}))
    kept = ["lora-study", "-m", "train.lr=1e-3,3e-3"]
    command = shlex.split(deciding_command(there, judgement(Outlook(examples=2.4414))))
    assert command == ([*kept, *changes] if changes else [])


def test_another_tolerance_is_asked_of_the_studys_own_store() -> None:
    there = runs()
    there = replace(there, info=replace(there.info, params={"tracking.uri": "sqlite:///runs.db"}))
    command = deciding_command(there, judgement(Outlook(tolerance=0.01234)))
    assert command == "lora-report 'study=my study' tolerance=0.013 tracking.uri=sqlite:///runs.db"


def test_no_command_is_made_up_where_the_studys_own_was_not_recorded() -> None:
    assert deciding_command(runs(), judgement(Outlook(repeats=4))) == ""
    assert deciding_command(runs(arguments=ARGUMENTS), None) == ""


@pytest.mark.parametrize(
    ("again", "words"), [((), ()), ((2,), ("1 trial was cross",)), ((2, 5), ("2 trials were cross",))]
)
def test_tables_say_which_scores_they_show_where_trials_were_cross_validated_again(again, words) -> None:
    rows = [{"number": n, "score": 0.5} for n in (2, 5)]
    repeated = [{**row, "repeat_1/fold_0": 0.6} if row["number"] in again else row for row in rows]
    notes = repeat_notes(replace(runs(), trials=trial_frame(repeated)))
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))
