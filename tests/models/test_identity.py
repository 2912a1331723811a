"""A model's folder is known by what transformers may read of it, whichever kind of file holds it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import as_pickles, frozen, letters, save_model, save_writer, shifted

from study.config.schema import ModelConfig, StudyConfig
from study.config.space import parse_space
from study.data.examples import Texts
from study.engine.workbench import Workbench
from study.models import encoders, hub, identity
from study.search.identity import first_fingerprint
from study.search.plan import Plan


def states(folder: Path) -> np.ndarray:
    return (
        frozen(Workbench(letters(), torch.device("cpu")), ModelConfig(str(folder))).pooled_rows().values.numpy().copy()
    )


def planned(folder: Path, **space: str) -> Plan:
    config = replace(StudyConfig(), model=ModelConfig(name=str(folder)), space=space)
    return Plan(config, parse_space(config), Texts(("a",) * 8, np.arange(8) % 2, ("n", "p")), (), "f", np.arange(0))


@pytest.mark.parametrize("shards", [1, 2])
def test_other_weights_in_a_pickled_file_are_other_hidden_states(tmp_path: Path, shards: int) -> None:
    folder = as_pickles(save_model(tmp_path), shards)
    before, mark = states(folder), encoders.fingerprint(ModelConfig(str(folder)))
    assert np.array_equal(states(folder), before)
    shifted(sorted(folder.glob("*.bin"))[-1])
    assert encoders.fingerprint(ModelConfig(str(folder))) != mark
    assert np.abs(states(folder) - before).max() > 1e-3


def appended(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        with (folder / name).open("a") as file:
            file.write("\n")

    return change


def linked(folder: Path) -> None:
    (folder.parent / "elsewhere.txt").write_text("b")


CHANGES = {
    "vocabulary": appended("vocab.txt"),
    "merges": appended("merges.txt"),
    "template": appended("chat_template.jinja"),
    "code": appended("modeling_own.py"),
    "subfolder": appended("encoder/config.json"),
    "configuration": appended("config.json"),
    "weights": appended("pytorch_model.bin"),
    "a linked file": linked,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = save_model(tmp_path / "model")
    (tmp_path / "elsewhere.txt").write_text("a")
    (made / "spiece.model").symlink_to(tmp_path / "elsewhere.txt")
    (made / "around").symlink_to(made, target_is_directory=True)
    return made


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_loading_may_read_is_part_of_the_mark(folder: Path, change: str) -> None:
    mark = encoders.fingerprint(ModelConfig(str(folder)))
    CHANGES[change](folder)
    assert encoders.fingerprint(ModelConfig(str(folder))) != mark


@pytest.mark.parametrize("name", ["README.md", ".git/HEAD", "__pycache__/modeling_own.pyc"])
def test_what_nothing_loads_is_not(folder: Path, name: str) -> None:
    mark = encoders.fingerprint(ModelConfig(str(folder)))
    appended(name)(folder)
    assert encoders.fingerprint(ModelConfig(str(folder))) == mark


def test_a_file_that_was_only_touched_is_the_same(folder: Path) -> None:
    mark = encoders.fingerprint(ModelConfig(str(folder)))
    os.utime(folder / "model.safetensors", (1, 1))
    assert encoders.fingerprint(ModelConfig(str(folder))) == mark


def test_a_folder_of_settings_and_safetensors_keeps_the_mark_that_it_always_had(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"x")
    assert identity.of_folder(tmp_path, b"false") == "4415af6c03bf4a51"


def test_a_study_of_a_folder_goes_on_only_with_the_same_files(folder: Path) -> None:
    before = planned(folder).fingerprint
    assert planned(folder).fingerprint == before
    CHANGES["vocabulary"](folder)
    assert planned(folder).fingerprint != before


def test_a_study_that_searches_models_knows_the_files_of_each(folder: Path, tmp_path: Path) -> None:
    other = save_writer(tmp_path / "other", "gpt2")
    sweep = {"model.name": f"choice('{folder}','{other}')"}
    before = planned(folder, **sweep).fingerprint
    CHANGES["merges"](other)
    assert planned(folder, **sweep).fingerprint != before


def test_a_study_of_a_model_with_a_published_name_is_what_it_was() -> None:
    examples = Texts(("a",) * 8, np.arange(8) % 2, ("n", "p"))
    config = StudyConfig()
    plan = Plan(config, parse_space(config), examples, (), "f", np.arange(0))
    assert first_fingerprint(config, plan.facts, plan.weights) == "60758b2378c1b74e"


def test_the_embedded_model_keeps_the_mark_under_which_its_states_are_known() -> None:
    assert encoders.fingerprint(ModelConfig("minilm")) == "04b99c8a95ad94ae"


def test_a_folder_is_named_from_the_root_on_and_a_published_model_as_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    assert hub.absolute_name("model") == str(folder)
    assert hub.absolute_name("./model") == str(folder)
    assert [hub.absolute_name(name) for name in ("minilm", "org/name")] == ["minilm", "org/name"]
