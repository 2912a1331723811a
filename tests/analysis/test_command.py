"""The command line, in its own process where that makes a difference."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import call

from analysis.__main__ import main

ROOT = Path(__file__).parents[2]


def command(cwd, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setattr(sys, "argv", ["lora-report", *arguments])
        return call(lambda _: main(), cwd)


def process(cwd, *arguments):
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-m", "analysis", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_it_prints_the_path_of_the_report_and_writes_nothing_else(store, tmp_path):
    done = process(tmp_path, "study=demo", f"tracking.uri={store}")
    assert (done.returncode, done.stdout) == (0, "reports/demo/index.html\n"), done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["reports"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "study: must be given"),
        (["study=a", "nope=1"], "nope"),
        (["study=a", "--nope"], "--nope: is no flag; lora-report --hydra-help shows those that there are"),
        (["study=a"], "there is no such database"),
        (["study=a", "figures=svg,jpg"], "figures=svg,jpg: holds 'jpg', which is no kind; write svg,png,pdf"),
        (["study=a", "tolerance=abc"], "tolerance=abc: is no score that one can lose; write a number of 0 or more"),
        (["study=a", "tolerance=-1"], "tolerance=-1: is no score that one can lose"),
        (["study=a", "tolerance=.inf"], "tolerance=.inf: is no score that one can lose"),
        (["study=a", "confidence=2"], "confidence=2: is no probability of at least one half and less than 1"),
        (["study=a", "confidence=surely"], "confidence=surely: is no probability"),
        (["study=a", "tables=xlsx"], "tables=xlsx: holds 'xlsx', which is no kind; write csv,latex"),
    ],
)
def test_a_mistake_is_one_line_exit_2_and_no_file(tmp_path, arguments, said):
    done = command(tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_says_what_the_command_does(tmp_path):
    done = process(tmp_path, "--help")
    assert done.returncode == 0
    assert "lora-report study=NAME" in done.stdout


@pytest.mark.parametrize(
    ("typed", "name"),
    [("été (1)", "été (1)"), ("2024_10_01", "2024_10_01"), ("true", "true"), ("it's, a=b ${c}", "it's, a=b ${c}"),
     ("'a b'", "a b"), ("null", "null"), ("1e3", "1e3")],
)  # fmt: skip
def test_a_study_is_named_as_it_was_typed(store, tmp_path, typed, name):
    done = command(tmp_path, f"study={typed}", f"tracking.uri={store}")
    assert done.returncode == 2
    assert done.stderr.startswith(f"lora-report: study={name}: no study of this name")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_named_as_it_was_typed(store, tmp_path):
    done = command(tmp_path, "study=demo", f"tracking.uri={store}", "out=my reports (2)")
    assert (done.returncode, done.stdout) == (0, "my reports (2)/demo/index.html\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["study=my", "study"], "study: has no key; a value with spaces is quoted for the shell: 'study=my study'."),
        (
            ["out=my", "own", "place", "study=a"],
            "own: has no key; a value with spaces is quoted for the shell: 'out=my own",
        ),
        (["study"], "study: has no key; write lora-report study=NAME"),
        (["study=a", "max=a b"], "'max=a b': "),
    ],
)
def test_an_argument_that_the_shell_has_cut_is_shown_in_quotes(tmp_path, arguments, said):
    done = command(tmp_path, *arguments)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"lora-report: {said}")
    assert list(tmp_path.iterdir()) == []
