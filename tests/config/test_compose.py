"""Who wins: the command line over an experiment, that over a task, and a task over what studies are otherwise."""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from study.config import compose as composing
from study.config.compose import compose
from study.config.options import IN_MLFLOW, LOCAL, UNTRACKED
from study.config.overrides import rewrite
from study.config.schema import StudyConfig
from study.config.space import parse_space
from study.core.errors import ConfigError
from study.search.plan import GRID

TASK = """# @package _global_
defaults:
  - override /model: bert
  - override /method: factorized
task:
  name: sentiment
train:
  epochs: 7
  lr: 0.5
model:
  max_length: 99
space:
  method.rank: choice(1,2)
"""
EXPERIMENT = """# @package _global_
defaults:
  - override /task: special
  - override /model: roberta
train:
  epochs: 8
"""


@pytest.fixture
def conf(tmp_path: Path) -> str:
    for name, text in {"task/special.yaml": TASK, "experiment/special.yaml": EXPERIMENT}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path)


def composed(conf: str, *overrides: str) -> StudyConfig:
    return compose(rewrite(list(overrides), conf), conf)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["~study", "++study=5"], "study=5: is a value in a group's place; write its keys, such as study.name=1"),
        (["~search", "++search={round: 3}"], "is a value in a group's place; write its keys, such as search.round=1"),
        (["~train", "++train=null"], "train=None: is a value in a group's place"),
        (["~engine"], "~engine: takes away a group that every study has; write its keys, such as engine.pack=1"),
        (["++constraints=${method}"], "is no list; write constraints=[...]"),
        (["objectives=${study}"], "is no list; write objectives=[...]"),
        (["search.baselines=${space}"], "is no list; write search.baselines=[...]"),
        (["search.baselines=[[1],{b: [null]}]"], "holds [1], which is no text; write search.baselines=[one,another]"),
        (["search.baselines=[head,{b: 1}]"], "holds {'b': 1}, which is no text; write search.baselines=[one,another]"),
        (["constraints=[[a]]"], "holds ['a'], which is no text; write constraints=[one,another]"),
        (["objectives=[score,[loss]]"], "holds ['loss'], which is no text; write objectives=[one,another]"),
        (["~study", "++study=5", "study.trials=3"], "study.trials: has no group any more; leave ~study away"),
    ],
)
def test_a_group_of_keys_cannot_be_taken_away_or_become_something_else(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        compose(rewrite(words))


@pytest.mark.parametrize(
    "words",
    [
        ("method.rank=4,8",),
        ("task=topic", "method.rank=choice(2,4)", "method.lam=interval(0.1,100)", "train.lr=1e-3"),
        ("method.rank={query:4,value:8}", "model.name='a, b','c: d'", "method.targets=qv,[query,'k.*']"),
        ("experiment=quickstart", "method.rank.ffn=1,2"),
        ("++space={train.lr: null, method.alpha: 'choice(8,16)'}",),
    ],
)
def test_what_is_searched_joins_a_configuration_as_hydra_would_have_it(words: tuple[str, ...]) -> None:
    overrides = [*words] if words[0].startswith("++") else rewrite([*words])
    assert overrides[-1].startswith(composing.JOINING)
    whole = composing._compose(overrides, None)
    joined = composing.compose_raw(overrides, None)
    assert joined == whole
    assert OmegaConf.to_yaml(joined) == OmegaConf.to_yaml(whole)
    assert OmegaConf.is_readonly(joined)


def test_a_task_brings_its_own_model_method_training_and_space(conf: str) -> None:
    config = composed(conf, "task=special")
    assert (config.model.name, config.model.pooling, config.model.max_length) == ("bert-base-uncased", "cls", 99)
    assert config.method.kind == "factorized"
    assert (config.train.epochs, config.train.lr, config.train.batch_size) == (7, 0.5, 16)
    assert config.space == {"method.rank": "choice(1,2)"}


def test_an_experiment_wins_over_the_task_that_it_chooses(conf: str) -> None:
    config = composed(conf, "experiment=special")
    assert config.model.name == "roberta-base"
    assert (config.train.epochs, config.train.lr) == (8, 0.5)
    assert config.model.max_length == 99  # the experiment says nothing of it


def test_the_command_line_wins_over_both(conf: str) -> None:
    config = composed(
        conf, "experiment=special", "model=albert", "method=lora", "train.epochs=9", "model.max_length=64",
        "method.rank=3",
    )  # fmt: skip
    assert config.model.name == "albert-base-v2"
    assert config.method.kind == "lora"
    assert (config.train.epochs, config.train.lr, config.model.max_length) == (9, 0.5, 64)
    assert config.space == {}
    assert composed(conf, "experiment=special", "task=topic").task.name == "topic"


TASKS = sorted((Path(__file__).parents[2] / "conf" / "task").glob("*.yaml"))


@pytest.mark.parametrize("path", TASKS, ids=lambda p: p.stem)
def test_what_a_task_says_holds_and_all_else_is_as_in_every_study(path: Path) -> None:
    said: Any = OmegaConf.to_container(OmegaConf.load(path))
    models = [d["override /model"] for d in said.pop("defaults", []) if "override /model" in d]
    plain, task = compose([f"model={name}" for name in models]), compose([f"task={path.stem}"])
    for group in plain_groups(plain):
        expected = plain_groups(plain)[group] | (said.get(group) or {})
        assert plain_groups(task)[group] == expected


def plain_groups(config: StudyConfig) -> dict[str, dict[str, Any]]:
    return {k: v for k, v in asdict(config).items() if isinstance(v, dict)}


CONF = Path(__file__).parents[2] / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
SPACES = sorted(path.stem for path in (CONF / "space").glob("*.yaml"))


@pytest.mark.parametrize("choice", [*(f"experiment={e}" for e in EXPERIMENTS), *(f"space={s}" for s in SPACES)])
def test_what_is_ready_to_be_searched_is_a_space(choice: str) -> None:
    config = compose([choice])
    space = parse_space(config)
    assert space.distributions.keys() == {key for key, sweep in config.space.items() if sweep}
    if config.sampler["_target_"] == GRID:
        points = math.prod(map(len, space.grid().values()))
        assert config.study.trials == points + len(config.search.baselines)  # all of it, and no more


def parts(*overrides: str, folder: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    config = compose(rewrite(list(overrides), folder), folder)
    return config.launcher, config.tracking


@pytest.mark.parametrize(
    ("overrides", "launcher", "tracking"),
    [
        ((), LOCAL, IN_MLFLOW),
        (("launcher=local", "tracking=mlflow"), LOCAL, IN_MLFLOW),
        (("launcher.workers=2", "tracking.uri=sqlite:///a b.db"), {"workers": 2}, {"uri": "sqlite:///a b.db"}),
        (("+launcher.workers=2", "++tracking.uri=7"), {"workers": 2}, {"uri": "7"}),
        (("launcher.workers=null", "tracking.uri=null"), LOCAL, IN_MLFLOW),
        (("tracking=off",), LOCAL, UNTRACKED),
        (("launcher.name=local", "tracking.name=off"), LOCAL, UNTRACKED),
        (("tracking.name=mlflow", "tracking.uri=x"), LOCAL, {"uri": "x"}),
    ],
)
def test_launchers_and_trackers_are_chosen_by_name_and_told_their_arguments(
    overrides: tuple[str, ...], launcher: dict[str, Any], tracking: dict[str, Any]
) -> None:
    expected = {**LOCAL, **launcher}, (tracking if tracking is UNTRACKED else {**IN_MLFLOW, **tracking})
    assert parts(*overrides) == expected


def test_a_file_that_names_them_as_earlier_versions_did_still_chooses_them(tmp_path: Path) -> None:
    for group, name, text in (
        ("experiment", "mine", '# @package _global_\nlauncher: {name: local, workers: 3}\ntracking: {name: "off"}\n'),
        ("tracking", "ours", "name: mlflow\nuri: sqlite:///ours.db\n"),
        ("tracking", "theirs", "_target_: theirs.Tracker\nname: mlflow\n"),
    ):
        (tmp_path / group).mkdir(exist_ok=True)
        (tmp_path / group / f"{name}.yaml").write_text(text)
    folder = str(tmp_path)
    assert parts("experiment=mine", folder=folder) == ({**LOCAL, "workers": 3}, UNTRACKED)
    assert parts("tracking=ours", folder=folder)[1] == {**IN_MLFLOW, "uri": "sqlite:///ours.db"}
    assert parts("tracking=theirs", folder=folder)[1] == {"_target_": "theirs.Tracker", "name": "mlflow"}


def test_what_the_schema_holds_for_them_is_what_their_files_say() -> None:
    assert (StudyConfig().launcher, StudyConfig().tracking) == parts()
