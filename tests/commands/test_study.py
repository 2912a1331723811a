"""Bad input ends in one line and status 2 with nothing created; sweeps join the space, plain values leave it."""

from __future__ import annotations

import subprocess
import sys
from importlib.resources import as_file, files
from pathlib import Path

import pytest
from commandline import call
from hydra import initialize_config_module
from hydra.core.global_hydra import GlobalHydra

from study.commands import study as cli
from study.config.compose import CONFIG_MODULE, compose, options_by_group
from study.config.overrides import rewrite

BAD = {
    "method.rnk=3": "method.rank",
    "method=foo": "factorized, full, head, lora",
    "sampler=foo": "gp, grid, nsga2, random, surface, tpe",
    "method.rank=abc": "neither a whole number nor a pattern",
    "method.rank=attention:0": "leaves every layer alone",
    "method.rank={ffn:8}": "gives no rank to attention.self.query, attention.self.value",
    "method.rank={qv:8,zzz:2}": "zzz matches no linear layer",
    "method.rank={conv:8,qv:2}": "conv matches no linear layer",
    "method.rank={qv:385}": "min(in, out) = 384",
    "method.rank=8,{ffn:2}": "gives no rank to attention.self.query",
    "method.rank.qv=8,385": "method.rank=qv:385",
    "method.rank.qv=2.5,4": "no int",
    "method.rank.qv=-1,4": "neither a whole number nor a pattern",
    "method.rank.zzz=2,4": "zzz matches no linear layer",
    "method.rank.ffn=2,4": "gives no rank to attention.self.query",
    "method.rank.qv=2,4 method.targets=qv,ffn": "gives no rank to intermediate.dense",
    "++space={method.rank.qv:'2,4',method.rank:'2,4'}": "is searched beside method.rank as a whole",
    "method.targets=decoder.qv": "matches no linear layer",
    "method.targets=conv": "matches no linear layer",
    'method.targets="*x"': "no valid regular expression",
    "method.rank=0": "at least 1",
    "method.rank=0,1": "at least 1",
    "method.rank=2.5,3": "no int",
    "method.rank=999": "min(in, out) = 384",
    "method.rank=8,385": "method.rank=385",
    "method.lam=0": "must be positive",
    "method.lam=-1,2": "must be positive",
    "method.lam=interval(0,3)": "must be positive",
    "method.lam=tag(log,interval(0,3))": "above 0",
    "method.lam=interval(3,1)": "smaller end first",
    "method.lam=tag(lin,interval(1,3))": "unknown tag",
    "method.kind=lora,lorra": "not one of",
    "method.targets=zzz": "matches no linear layer",
    "method.targets=qv,zzz": "matches no linear layer",
    "method.layers=top-7": "model of 6",
    "method=lora,head": "method.kind=lora,head",
    "study.folds=1": "at least two folds",
    "study.folds=600 task.limit=1200": "smallest class",
    "study.folds=2,3": "one study for each value",
    "study.nope=1,2": "not a configuration key",
    "experiment=nope": "choose one of graph, lambda, quickstart, rank, spectrum.",
    "study.seed=-1": "seed",
    "objectives=[nonsense]": "no logged figure",
    "objectives=[score,test/score]": "the search is over, which must not see it",
    "objectives=[]": "is empty",
    "task.limit=2": "too few",
    "task.name=nothing": "is no task",
    "model.name=/nowhere": "model.name=/nowhere",
    "train.lr=0": "positive",
    "train.dropout=1": "share of an adapter's inputs",
    "model.precision=float8": "float32, bfloat16",
    "model.precision=float32,auto": "float32, bfloat16",
    "model.pooling=max": "mean, cls, last, pooler",
    "engine.pack=0": "engine.pack=0",
    "engine.pack=many": "neither auto nor a number",
    "engine.tokens=0": "at least one token",
    "engine.cache_gb=-1": "negative",
    "engine.pack=2,4": "one study for each value",
    "search.baselines=[head,best]": "head, full, lora",
    "tracking.name=nothing": "mlflow, off",
    "sampler=grid method.lam=interval(1,2)": "no grid",
    "method.rank=interval(1,9,3": "override grammar",
    "justaword": "override grammar",
    "storage.url=foo": "storage.url=foo",
    "storage.url=sqlite:////nowhere/x.db": "there is no folder /nowhere",
    "storage.url=postgresql://nobody@localhost:1/x": "storage.url=postgresql",
    "tracking.uri=foo://x": "foo://x",
    "tracking.uri=sqlite:////nowhere/x.db": "there is no folder /nowhere",
    "tracking.uri=http://127.0.0.1:9": "refused",
    "report.dir=/etc/hostname/x": "report.dir=/etc/hostname/x",
}


@pytest.mark.parametrize("arguments", BAD)
def test_bad_input_is_one_line_with_status_two_and_nothing_created(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments.split())
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert err.count("\n") == 1
    assert err.startswith("lora-study: ")
    assert BAD[arguments] in err
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def space(*overrides: str) -> dict[str, str | None]:
    return compose(rewrite(list(overrides))).space


def test_a_sweep_on_the_command_line_joins_the_space() -> None:
    assert space("method.rank=4,8,16", "method.lam=tag(log,interval(0.1,100))") == {
        "method.rank": "4,8,16",
        "method.lam": "tag(log,interval(0.1,100))",
    }
    assert space("method.targets=choice('qv','ffn')") == {"method.targets": "choice('qv','ffn')"}


def test_a_plain_value_fixes_a_key_and_leaves_the_space() -> None:
    assert "method.rank" in space("experiment=quickstart")
    config = compose(rewrite(["experiment=quickstart", "method.rank=8"]))
    assert config.method.rank == 8
    assert "method.rank" not in config.space
    assert "method.layers" in config.space


def test_the_later_of_two_overrides_wins() -> None:
    assert space("method.rank=4,8", "method.rank=8") == {}
    assert space("method.rank=8", "method.rank=4,8") == {"method.rank": "4,8"}


PATTERNS = {
    "method.rank={attention: 8, ffn: 2}": "attention:8,ffn:2",
    "method.rank={decoder.qv: 8, cross.attention: 2, .*\\.wi: 0}": "decoder.qv:8,cross.attention:2,.*\\.wi:0",
    "method.rank=attention:8": "attention:8",
    "method.rank='attention:8,ffn:2'": "attention:8,ffn:2",
    "method.rank.decoder.qv=8": "decoder.qv:8",
    "method.rank.self.query=3": "self.query:3",
}


@pytest.mark.parametrize("override", PATTERNS)
def test_a_pattern_of_ranks_is_written_as_a_mapping_as_text_or_by_key(override: str) -> None:
    config = compose(rewrite([override]))
    assert config.method.rank == PATTERNS[override]
    assert config.space == {}


def test_a_pattern_takes_a_numbers_place_and_the_other_way_round() -> None:
    def rank(*overrides: str) -> object:
        return compose(rewrite(list(overrides))).method.rank

    assert rank("method.rank.attention=8", "method.rank.ffn=2") == "attention:8,ffn:2"
    assert rank("method.rank={attention: 8, ffn: 2}", "method.rank.ffn=4") == "attention:8,ffn:4"
    assert rank("method.rank={attention: 8}", "method.rank={ffn: 2}") == "ffn:2"
    assert rank("method.rank={attention: 8}", "method.rank=4") == 4


def test_ranks_are_searched_as_a_whole_or_by_key_whichever_was_written_later() -> None:
    assert space("method.rank.attention=4,8", "method.rank.ffn=0,2") == {
        "method.rank.attention": "4,8",
        "method.rank.ffn": "0,2",
    }
    assert space("method.rank=4,8", "method.rank.ffn=0,2") == {"method.rank.ffn": "0,2"}
    assert space("method.rank.ffn=0,2", "method.rank=4,8") == {"method.rank": "4,8"}
    assert space("method.rank.ffn=0,2", "method.rank=4") == {}
    assert "method.rank" not in space("experiment=quickstart", "method.rank.qv=2,4")
    assert "method.rank" not in space("experiment=quickstart", "method.rank.qv=2")
    assert space("method.targets=choice(decoder.qv,encoder.ffn)") == {
        "method.targets": "choice(decoder.qv,encoder.ffn)"
    }


def test_a_pattern_in_a_file_is_a_mapping_or_one_of_mappings(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nmethod:\n  targets: all-linear\n  rank:\n    attention: 8\n    ffn: 2\n"
        "space:\n  method.rank.ffn: choice(0, 2)\n"
    )
    config = compose(rewrite(["experiment=mine", "method.layers=top-1"], str(tmp_path)), str(tmp_path))
    assert config.method.rank == "attention:8,ffn:2"
    assert config.space == {"method.rank.ffn": "choice(0, 2)"}


def test_choosing_a_method_settles_a_searched_kind() -> None:
    assert "method.kind" in space("space=tradeoff")
    assert "method.kind" not in space("space=tradeoff", "method=factorized")


OPTIONS = sorted(f"{f.parent.name}={f.stem}" for f in (Path(__file__).parents[2] / "conf").glob("*/*.yaml"))


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_of_every_group_composes(option: str) -> None:
    config = compose(rewrite([option]))
    assert config.study.folds >= 2


def test_help_names_groups_and_overrides_and_waits_for_no_heavy_import(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "study", "--help"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0
    for word in ("quickstart", "study.trials", "method.rank", "sampler: gp, grid, nsga2, random, surface, tpe"):
        assert word in done.stdout
    code = "import sys, study.commands.study\nprint({'torch','optuna','mlflow','sklearn','pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


DRIVING = """
import sys
from study.commands.study import main
try:
    main({arguments})
finally:
    print(*sorted({{"torch", "transformers"}} & set(sys.modules)), file=sys.stderr)
"""


def test_the_process_that_drives_a_study_imports_no_torch(tmp_path: Path) -> None:
    small = ["method=head", "task.limit=20", "study.trials=1", "study.folds=2", "search.baselines=[]", "tracking=off"]
    code = DRIVING.format(arguments=small)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "the front of 1 trial" in done.stdout
    assert done.stderr.splitlines()[-1] == ""


def test_help_lists_the_groups_and_options_that_hydra_knows() -> None:
    with initialize_config_module(CONFIG_MODULE, version_base=None):
        loader = GlobalHydra.instance().config_loader()
        known = {g: set(loader.get_group_options(g)) for g in loader.list_groups("") if g != "hydra"}
    with as_file(files(CONFIG_MODULE)) as conf:
        assert options_by_group(conf) == {group: options for group, options in known.items() if options}


def test_help_lists_the_options_of_a_folder_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\n")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help", f"--config-dir={tmp_path}"])
    assert stopped.value.code == 0
    assert "experiment: graph, lambda, mine, quickstart" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help", "--config-dir=/nowhere"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("lora-study: --config-dir=/nowhere: is no folder")


AT_A_TERMINAL = """
import sys
sys.modules["study.search.driver"] = None  # so that nothing behind it is imported
sys.stderr.isatty = lambda: {terminal}
from study.commands.study import main
try:
    main(["study.name=mine", "study.trials=4"])
except ImportError:
    print(*sorted({{"torch", "optuna", "mlflow", "sklearn", "pandas"}} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("terminal", "said"),
    [(True, "mine: 4 trials of 3 folds, task sentiment, model minilm. Reading the data ...\n"), (False, "")],
)
def test_a_person_at_a_terminal_hears_what_begins_before_anything_heavy_is_imported(
    terminal: bool, said: str, tmp_path: Path
) -> None:
    code = AT_A_TERMINAL.format(terminal=terminal)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert (done.stderr, done.stdout) == (said, "\n")


def test_targets_shows_what_each_group_matches_and_creates_nothing(tmp_path: Path) -> None:
    done = call(cli.main, tmp_path, "--targets", "method.targets=query", "method.rank=4")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["together", "12", "36,864", "1,769,472"] in lines  # qv: query and value of six blocks
    assert ["intermediate.dense", "6", "1536", "×", "384", "46,080", "3,538,944"] in lines
    assert "adapts 6 of them" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert list(tmp_path.iterdir()) == []


def test_targets_of_a_configuration_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    done = call(cli.main, tmp_path, "--targets", "method.layers=top-0", "model.name=/nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("lora-study: model.name=/nowhere")


def test_what_shows_something_may_stand_behind_overrides(tmp_path: Path) -> None:
    for shows in (["--info"], ["--info", "config"], ["--cfg", "job"]):
        done = call(cli.main, tmp_path, "method.rank=4,8", *shows)
        assert done.returncode == 0, done.stderr
        assert "rank: 4,8" in done.stdout


def test_flags_that_exclude_each_other_are_one_line(tmp_path: Path) -> None:
    for shows in (["--info", "plugins"], ["-r"]):
        done = call(cli.main, tmp_path, "--cfg", "job", *shows)
        assert done.returncode == 2
        assert done.stderr.startswith("lora-study: --cfg job ")
        assert done.stderr.count("\n") == 1


def test_cfg_job_shows_the_space_with_and_without_m(tmp_path: Path) -> None:
    plain = call(cli.main, tmp_path, "--cfg", "job", "method.rank=4,8")
    multirun = call(cli.main, tmp_path, "--cfg", "job", "-m", "method.rank=4,8")
    assert "method.rank: 4,8" in plain.stdout
    assert plain.stdout == multirun.stdout
    assert list(tmp_path.iterdir()) == []
