"""What a person sees at a terminal: what is being done, and one plain line at Ctrl-C, whenever it comes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from terminal import watch

SMALL = ["study.name=small", "study.trials=1", "task.limit=60", "method.kind=head", "search.baselines=[]"]
ANNOUNCED = "small: 1 trial of 3 folds, task sentiment, model minilm. Reading the data ..."
EARLY = [
    ("lora-study", SMALL, "Reading the configuration", []),
    ("lora-study", SMALL, "Importing the libraries", [ANNOUNCED]),
    ("lora-study", SMALL, "Looking at the stores", [ANNOUNCED]),
    ("lora-study", SMALL, "Reading the data ...\x1b", [ANNOUNCED]),
    ("lora-study", ["--targets"], "Importing the libraries", []),
    ("lora-report", ["study=small"], "Reading the configuration", []),
    ("lora-report", ["study=small"], "Reading the runs", []),
    ("lora-export", ["study=small", "trial=best", "format=merged"], "Reading the configuration", []),
    ("lora-export", ["study=small", "trial=best", "format=merged"], "Looking for the study", []),
]


@pytest.mark.parametrize(
    ("command", "arguments", "moment", "before"),
    [
        pytest.param(*case, id=f"{case[0]} {case[2].strip(chr(27))}", marks=[pytest.mark.long] * (place % 3 > 0))
        for place, case in enumerate(EARLY)
    ],
)
def test_ctrl_c_before_anything_has_begun_is_one_plain_line_and_leaves_nothing(
    command: str, arguments: list[str], moment: str, before: list[str], tmp_path: Path
) -> None:
    seen = watch(command, tmp_path, *arguments, stop_at=moment.replace("\x1b", "\r"))
    assert (seen.screen, seen.status) == ([*before, f"{command}: stopped."], 130)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_ctrl_c_while_a_study_trains_says_that_it_goes_on_and_the_same_command_ends_it(tmp_path: Path) -> None:
    stopped = watch("lora-study", tmp_path, *SMALL, stop_at="loading the model")
    assert stopped.status == 130
    assert stopped.screen[-1] == "Stopped. Finished folds are kept; the same command goes on from here."
    assert "Traceback" not in stopped.text
    whole = watch("lora-study", tmp_path, *SMALL)
    assert whole.status == 0
    steps = ["Reading the configuration", "Importing the libraries", "Looking at the stores", "Looking at the model",
             "Starting the workers", "loading the model", "costs alone", "test scores", "Closing the record",
             "Reading the runs", "Drawing the report", "Report: "]  # fmt: skip
    places = [whole.text.find(step) for step in steps]
    assert -1 not in places
    assert places == sorted(places)
    assert [line for line in whole.screen if re.search(r" \.\.\.( \d+ s)?$", line)] == [ANNOUNCED]
    check_report(tmp_path)
    check_export(tmp_path)


def check_report(home: Path) -> None:
    stopped = watch("lora-report", home, "study=small", stop_at="Drawing the report")
    assert (stopped.screen, stopped.status) == (["lora-report: stopped."], 130)
    whole = watch("lora-report", home, "study=small")
    assert (whole.screen[-1], whole.status) == ("reports/small/index.html", 0)
    assert "head" in " ".join(whole.screen[:-1])


def check_export(home: Path) -> None:
    wanted = ("study=small", "trial=best", "format=merged")
    for moment in ("training", "merged: writing", "measuring in a process of its own"):
        stopped = watch("lora-export", home, *wanted, stop_at=moment)
        assert (stopped.screen[-1], stopped.status) == ("lora-export: stopped.", 130)
        assert "Traceback" not in stopped.text
        assert not (home / "exports").exists()
    whole = watch("lora-export", home, *wanted)
    assert (whole.screen[0], whole.status) == ("merged: exports/small/trial-0/merged", 0)
    assert "6/6" in whole.text  # steps of the training
    assert "comparing with the trained model" in whole.text
