"""An argument of lora-export that cannot be followed is named as it was typed, with how the shell is told it."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from study.commands.arguments import FLAGS, KEYS, TEXTS, compose
from study.commands.export import main
from study.core.errors import ConfigError
from study.export.job.table import render

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
SHOWN = re.compile(r"is not in Hydra's override grammar; (?:.* for the shell: |for a text, write )(.*)\.")
SPLIT = [["study=my", "study"], ["study=my", "own", "study", "format=merged"], ["format=onnx", "study=it's", "(mine)"]]


def follow(error: str) -> str:
    """The argument that a shell makes of what the error shows."""
    match = SHOWN.search(error)
    assert match is not None, error
    (argument,) = shlex.split(match[1])
    return argument


def refusal(*typed: str) -> str:
    """What is said of the arguments, nothing where they can be followed."""
    try:
        compose(typed)
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("typed", SPLIT)
def test_a_name_that_the_shell_has_cut_is_shown_in_quotes(typed: list[str]) -> None:
    name = " ".join(a for a in typed if not a.startswith("format")).removeprefix("study=")
    assert compose([follow(refusal(*typed))]).study == name


@settings(max_examples=30)
@given(TEXT)
@example("(x")
@example("'a")
@example("a: {")
def test_what_hydra_cannot_read_is_shown_as_it_can(value: str) -> None:
    error = refusal("study=a", f"data={value}")
    if "is not in Hydra's override grammar" in error:
        assert error.startswith(f"data={value}:")
        assert compose(["study=a", follow(error)]).data == value


def test_the_command_ends_with_one_line_and_creates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["study=my", "study"])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert said.endswith("is quoted for the shell: 'study=my study'.\n")
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("stdy=a b", "stdy=a b: stdy is no key of lora-export; did you mean study"),
        ("tracking.url=x", "tracking.url=x: tracking.url is no key of lora-export; did you mean tracking.uri"),
        ("+max=1", "+max=1: max is no key of lora-export"),
        ("data=searched,all", "data=searched,all: gives several values"),
        ("~data=all", "~data=all: takes a key away"),
        ("register=no", "register=no: is neither true nor false; write register=true"),
        ("ensemble=maybe", "ensemble=maybe: is neither true nor false"),
        ("register=null", "register=None: is neither true nor false"),
        ("+data=all", "lora-export --help shows the keys"),
    ],
)
def test_an_argument_of_another_kind_is_named_as_it_was_typed(argument: str, said: str) -> None:
    assert said in refusal("study=a", argument)


def test_the_keys_are_those_of_the_configuration() -> None:
    raw = yaml.safe_load((files("study.conf") / "export.yaml").read_text(encoding="utf-8"))
    names = [k if not isinstance(v, dict) else f"{k}.{next(iter(v))}" for k, v in raw.items()]
    assert sorted(n for n in names if n.partition(".")[0] not in ("defaults", "hydra")) == sorted(KEYS)
    assert {k for k, v in raw.items() if isinstance(v, bool)} == set(FLAGS)


@settings(max_examples=30)
@given(st.sampled_from(TEXTS[:6]), TEXT)
def test_any_text_arrives_as_it_was_typed(key: str, value: str) -> None:
    if value in ("null", "???") or value[0] in "'\"" or (key == "out" and value[0] == "~"):
        return
    assert compose(["study=a", f"{key}={value}"])[key] == value


@given(TEXT)
def test_the_command_that_is_shown_means_the_study(name: str) -> None:
    shown = render(name, {}, {}, set(), None).removeprefix(f"No trial of {name} has been exported: write ")
    assert shlex.split(shown) == ["lora-export", f"study={name}", "trial=best", "format=all"]


def test_spaces_in_what_is_quoted_stay() -> None:
    assert str(ConfigError("study=a  b", "is\n  wrong", "mend it")) == "study=a  b: is wrong; mend it."
