"""A key whose type is text takes what was typed, whichever command it is typed for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra._internal.utils import get_args_parser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from analysis.__main__ import OPTIONAL as REPORT_OPTIONAL
from analysis.__main__ import TEXTS as REPORT_TEXTS
from analysis.__main__ import _compose as report_composed
from analysis.__main__ import main as lora_report
from study.commands import arguments
from study.commands import study as cli
from study.commands.arguments import OPTIONAL, TEXTS
from study.commands.export import main as lora_export
from study.config.compose import compose, compose_raw
from study.config.overrides import rewrite
from study.config.schema import SEARCHABLE, StudyConfig
from study.config.space import parse_space
from study.config.textkeys import hydra_argument, text_keys
from study.config.values import flatten
from study.core.errors import ConfigError
from study.core.names import check_name
from study.core.quoting import PATHS, as_text, quote

TYPED = [
    "2024_10_01", "true", "2_3", "1e3", "null ", "reviews (1).csv", "c#.csv", "été.csv", "Review (EN)", "it's",
    "a${b}", "${study.seed}", "$HOME", "x\\", "x\\\\", "\\'", "a\\b", "a\nb", "a\tb", "", "=x", " x ", "[x]", "{x: 1}",
    "[a,b", "a,b", "choice(a,b)", "interval(1,2)", "'a", "'a'b'", "?? ?", "a:b", "~", "@x", "%d", "été,(x)",
]  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(lambda text: text != "???")


def config_of(*arguments: str) -> StudyConfig:
    """What the command line comes to, before any value is judged."""
    config: Any = OmegaConf.to_object(compose_raw(rewrite(get_args_parser().parse_args(arguments).overrides), None))
    assert isinstance(config, StudyConfig)
    return config


def value_of(key: str, argument: str) -> object:
    return flatten(config_of(argument))[key]


@pytest.mark.parametrize("plus", ["", "+", "++"])
def test_a_text_arrives_as_it_was_typed(plus: str) -> None:
    keys = [key for key in text_keys() if key.startswith(("storage", "study", "task")) and key not in PATHS]
    for first in range(0, len(TYPED), len(keys)):
        wanted = dict(zip(keys, TYPED[first:], strict=False))
        arrived = flatten(config_of(*(f"{plus}{key}={value}" for key, value in wanted.items())))
        assert {key: arrived[key] for key in wanted} == wanted


def test_the_keys_that_hold_text_are_those_of_the_schema() -> None:
    defaults = flatten(StudyConfig())
    texts = {key for key, value in defaults.items() if isinstance(value, str)}
    assert texts - {"engine.pack", "study.repeats"} <= text_keys().keys()
    assert {"task.text", "task.delimiter", "tracking.uri"} <= {key for key, optional in text_keys().items() if optional}
    assert not text_keys().keys() & {"method.lam", "method.rank", "task.limit", "train.lr", "launcher.workers"}


def taken_as_typed(key: str, value: str, optional: bool) -> bool:
    """Whether nothing in the value means anything: quotes around it, a home folder, null, a sweep."""
    swept = key.partition(".")[0] in SEARCHABLE and ("," in value or "(" in value)
    return not swept and value[:1] not in ("'", '"', "~") and not (value == "null" and optional)


@settings(max_examples=8)
@given(values=st.lists(st.tuples(TEXT, st.booleans()), min_size=len(text_keys()), max_size=len(text_keys())))
@example(values=[("\\\\${", False)] * len(text_keys()))
@example(values=[("\\'", True)] * len(text_keys()))
@example(values=[("a, b (c)", True)] * len(text_keys()))
def test_any_text_survives_the_command_line_for_every_key_of_the_schema(values: list[tuple[str, bool]]) -> None:
    typed, wanted = [], {}
    for (key, optional), (value, bare) in zip(text_keys().items(), values, strict=True):
        wanted[key] = value
        typed.append(f"{key}={value if bare and taken_as_typed(key, value, optional) else quote(value)}")
    config = config_of(*typed)
    arrived = flatten(config) | {"tracking.uri": config.tracking["uri"]}
    assert {key: arrived[key] for key in wanted} == wanted


@settings(max_examples=10)
@given(values=st.lists(TEXT, min_size=len(TEXTS), max_size=len(TEXTS)))
def test_any_text_survives_the_other_commands(values: list[str]) -> None:
    for texts, optional, composed in (
        (TEXTS, OPTIONAL, arguments.compose),
        (REPORT_TEXTS, REPORT_OPTIONAL, lambda typed: report_composed(typed, typed)),
    ):
        wanted = dict(zip(texts, values, strict=False))
        typed = [
            as_text(f"{key}={value if taken_as_typed(key, value, key in optional) else quote(value)}", texts, optional)
            for key, value in wanted.items()
        ]
        config = composed(typed)
        assert {key: OmegaConf.select(config, key) for key in wanted} == wanted


def test_null_and_quotes_mean_what_they_did() -> None:
    assert value_of("task.text", "task.text=null") is None
    assert value_of("task.text", "task.text='null'") == "null"
    assert value_of("study.name", "study.name=null") == "null"
    assert value_of("task.text", '''task.text="it's"''') == "it's"
    assert value_of("task.text", r"task.text='it\'s'") == "it's"
    assert value_of("task.text", "task.text=''") == ""


def test_a_home_folder_is_meant_where_a_path_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for key in PATHS:
        assert as_text(f"{key}=~/x y", PATHS) == f"{key}='/home/me/x y'"
    assert value_of("task.path", "task.path=~/x.csv") == "/home/me/x.csv"
    assert value_of("task.path", "task.path=~x.csv") == "~x.csv"
    assert value_of("task.text", "task.text=~/x") == "~/x"


SWEEPS = {
    "method.targets=qv,ffn": "qv,ffn",
    "method.targets=qv, ffn": "qv, ffn",
    "method.layers=choice(all,top-1)": "choice(all,top-1)",
    "model.name='a, b',c": "'a, b',c",
    "model.name='it\\'s',c": "'it\\'s',c",
    # What Hydra would change on its way, or not take, is quoted.
    "model.name=2024_10,true": "'2024_10','true'",
    "model.name=été (1),b": "'été (1)',b",
    "model.name=choice(été,1e3)": "choice('été','1e3')",
    "model.name=a,${b}": "a,${b}",
    "model.name=a,${b} (é)": "a,'${b} (é)'",
    "method.targets=.*(q|v),x{1,2}y": "'.*(q|v)','x{1,2}y'",
}


CHOICES = {
    "model.name=2024_10,true": ["2024_10", "true"],
    "model.name='a, b',c": ["a, b", "c"],
    "model.name=a,${b} (é)": ["a", "${b} (é)"],
    "model.name=choice('it\\'s',\"1e3\")": ["it's", "1e3"],
    "method.targets=.*(q|v),x{1,2}y": [".*(q|v)", "x{1,2}y"],
}


@pytest.mark.parametrize("argument", CHOICES)
def test_the_words_of_a_sweep_are_searched_as_they_were_typed(argument: str) -> None:
    config = compose(rewrite([argument]))
    (choices,) = parse_space(config).grid().values()
    assert choices == CHOICES[argument]


@pytest.mark.parametrize("argument", SWEEPS)
def test_commas_outside_brackets_sweep_a_searchable_key(argument: str) -> None:
    assert config_of(argument).space == {argument.partition("=")[0]: SWEEPS[argument]}


def test_one_text_with_brackets_or_commas_in_them_is_no_sweep() -> None:
    for value in (".*query|value", ".*(q|v)", "x{1,2}y", "(a,b)", "a,"):
        assert value_of("method.targets", f"method.targets={value}") == value
    assert value_of("model.name", "model.name='a,b'") == "a,b"


def test_a_list_of_names_for_a_key_that_is_not_searched_is_one_name() -> None:
    config = compose(rewrite(["study.name=a,b", "experiment=quickstart"]))
    assert config.study.name == "a,b"
    assert not [key for key in config.space if key.startswith("study")]


REFUSED = {
    "task.text=???": ["task.text=???: ??? stands for a value that is missing", "or leave task.text away"],
    "study.name='???'": ["study.name=???: ??? stands for a value that is missing", "write another value"],
    "+task.text=???": ["task.text=???: ??? stands for a value that is missing"],
    "method.rank=???": ["method.rank=???: ??? stands for a value that is missing"],
    "objectives=[score,???]": ["objectives[1]=???: ??? stands for a value that is missing"],
    "task=???": ["task=???: is not among the options of its group; choose one of file, hub"],
    "~task.text": ["~task.text: takes away a key that every study has; write task.text=null"],
    "~study.name": ["takes away a key that every study has; leave study.name away, for its default"],
    "~train.lr=1": ["takes away a key that every study has; leave train.lr away"],
    "task@x.text=y": ["task@x.text: is not a configuration key"],
    "task.text@x=y": ["task.text@x=y: names a group that there is not"],
    "study.name=..": ["study.name='..': names a folder and an experiment"],
    "study.name=a/b": ["study.name='a/b': names a folder and an experiment"],
    "study.name=": ["study.name='': names a folder and an experiment", "write for example study.name=mine"],
    "study.name=a\nb": ["study.name='a\\nb': names a folder and an experiment"],
    "task.path=\udcff.csv": ["'task.path=\\udcff.csv': is not in UTF-8; rename the file"],
    "--nonsense": ["--nonsense: is no flag; lora-study --hydra-help shows"],
    "--config-dir=/nowhere": ["--config-dir=/nowhere: is no folder"],
    "task.limit=été": ["task.limit=été: is not in Hydra's override grammar; write key=value"],
}


def refusal(argument: list[str], command: Any, folder: Path, capfd: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        command(argument)
    out, err = capfd.readouterr()
    assert (stopped.value.code, out, err.count("\n")) == (2, "", 1), err
    assert list(folder.iterdir()) == []
    return err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(arguments: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["lora-report", *arguments])
        lora_report()


@pytest.mark.parametrize("argument", REFUSED)
def test_what_cannot_be_meant_is_one_line_and_nothing_is_created(
    argument: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    err = refusal([argument], cli.main, folder, capfd)
    assert err.startswith("lora-study: ")
    assert all(words in err for words in REFUSED[argument])


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a.", " a", "é" * 101, "a\nb", "\udcff"])
def test_no_command_takes_a_name_that_no_study_can_have(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for program, command in (("lora-report", report), ("lora-export", lora_export)):
        err = refusal([f"study={name}"], command, folder, capfd)
        assert err.startswith(f"{program}: ")
        assert "names a folder and an experiment" in err or "is not in UTF-8" in err


@pytest.mark.parametrize(
    "name", ["été (1)", "2024_10_01", "true", "it's, a=b ${c}", "null", "1e3", "[x]", "a{b}", "~x"]
)
def test_every_command_takes_a_name_as_it_was_typed(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in (report, lora_export):
        for typed in (name, quote(name)):
            key = "tracking.uri" if command is report else "storage.url"
            err = refusal([f"study={typed}", f"{key}=sqlite:///été (1).db"], command, folder, capfd)
            assert f"{key}=sqlite:///été (1).db: there is no such database" in err


def test_a_folder_of_configurations_may_have_any_name(tmp_path: Path) -> None:
    for name in ("my conf (1)", "été", "it's, [x]", "a=b $c"):
        group = tmp_path / name / "experiment"
        group.mkdir(parents=True)
        (group / "mine.yaml").write_text("# @package _global_\nstudy:\n  trials: 77\n")
        path = str(tmp_path / name)
        assert compose(rewrite(["experiment=mine"], path), path).study.trials == 77


@pytest.mark.parametrize("command", [report, lora_export])
def test_what_only_shows_takes_text_as_it_was_typed(
    command: Any, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        command(["--cfg", "job", "study=été (1), it's", "out=my reports"])
    assert stopped.value.code in (0, None)
    shown = capfd.readouterr().out
    assert "study: été (1), it's" in shown
    assert "out: my reports" in shown


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        ".",
        "a/b",
        "a\\b",
        "a\0",
        " a",
        "a.",
        "é" * 101,
        "\ud800",
        "../x",
        "/x",
        "con",
        "NUL.txt",
        "Com1",
        "aux .x",
    ],
)
def test_what_cannot_name_a_folder_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="names a folder"):
        check_name("study.name", name)


@given(name=TEXT)
def test_a_name_that_is_taken_is_that_of_one_folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    try:
        check_name("study.name", name)
    except ConfigError:
        return
    folder = tmp_path_factory.mktemp("names")
    (folder / name).mkdir()
    assert [p.name for p in folder.iterdir()] == [name]


@pytest.mark.parametrize("wrong", ["tracking=null", "method=1", "task=null", "launcher=2", "+task.max_rows=100"])
def test_what_is_no_option_and_no_key_is_refused_while_composing(wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong.split("=")[0].lstrip("+")):
        rewrite([wrong])


def test_spaces_around_a_key_are_none_of_it() -> None:
    assert hydra_argument(" task.text =x") == "task.text='x'"
