"""An export answers wherever its folder and its base model have gone; what is not the same base is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import TEXTS, exported, model_of, train
from tiny import as_pickles, save_model

from study.config.schema import ModelConfig
from study.core.errors import StudyError
from study.export import load
from study.export.job import measure
from study.export.job.trained import Trained
from study.export.runtime.frame import Frame
from study.export.runtime.manifest import Manifest
from study.models import encoders


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    return train(model_of(tmp_path / "model", "bert"), "lora")[0]


def test_an_adapter_answers_where_its_folder_and_its_base_have_both_moved(trained: Trained, tmp_path: Path) -> None:
    expected = trained.logits(TEXTS)
    exported(trained, "peft", tmp_path / "export").rename(tmp_path / "moved")
    (tmp_path / "model").rename(tmp_path / "base")
    logits = load(tmp_path / "moved", base=tmp_path / "base").logits(TEXTS)
    assert np.abs(logits - expected).max() < 1e-5


def test_a_relative_base_is_a_folder_like_any_other(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = exported(trained, "peft", tmp_path / "export")
    (tmp_path / "model").rename(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    assert np.abs(load(folder, base="base").logits(TEXTS) - trained.logits(TEXTS)).max() < 1e-5


def test_a_base_that_is_gone_is_named_with_the_way_to_say_where_it_is(trained: Trained, tmp_path: Path) -> None:
    folder = exported(trained, "peft", tmp_path / "export")
    (tmp_path / "model").rename(tmp_path / "base")
    with pytest.raises(StudyError, match=rf"{tmp_path}/model, which is not there; write load\(folder, base=\.\.\.\)"):
        load(folder)
    with pytest.raises(StudyError, match=rf"base=.*nowhere: is no folder; .*{tmp_path}/model"):
        load(folder, base=tmp_path / "nowhere")


def test_another_model_is_no_base(trained: Trained, tmp_path: Path) -> None:
    folder = exported(trained, "peft", tmp_path / "export")
    torch.manual_seed(1)
    other = model_of(tmp_path / "other", "bert")
    (tmp_path / "other" / "vocab.txt").write_text("a")
    with pytest.raises(StudyError, match=rf"belongs to other weights than {other.name} has now"):
        load(folder, base=other.name)


def test_a_base_known_by_its_commit_is_not_taken_from_a_folder(trained: Trained, tmp_path: Path) -> None:
    folder = exported(trained, "peft", tmp_path / "export")
    manifest = json.loads((folder / "lora_study.json").read_text())
    manifest |= {"model": "org/name", "fingerprint": "org/name@0123"}
    (folder / "lora_study.json").write_text(json.dumps(manifest))
    with pytest.raises(StudyError, match=r"cannot be held against org/name, which is known by its commit"):
        load(folder, base=tmp_path / "model")


def test_a_whole_model_needs_no_base(trained: Trained, tmp_path: Path) -> None:
    folder = exported(trained, "merged", tmp_path / "export")
    with pytest.raises(StudyError, match=r"base=.*: is given, and an export of format=merged holds the whole model"):
        load(folder, base=tmp_path / "model")


@pytest.mark.parametrize("name", ["peft", "merged", pytest.param("onnx", marks=pytest.mark.long)])
def test_no_file_of_an_export_names_a_place_by_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = train(model_of(tmp_path / "model", "bert", "cls"), "lora")[0]
    configuration = replace(whole.configuration, model=replace(whole.configuration.model, name="model"))
    folder = exported(replace(whole, configuration=configuration), name, tmp_path / "export")
    for file in folder.glob("*.json"):
        assert not {v for v in values(json.loads(file.read_text())) if v in ("model", "./model", "export")}, file.name
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert np.abs(load(folder).logits(TEXTS) - whole.logits(TEXTS)).max() < 1e-5


def values(node: object) -> list[object]:
    if isinstance(node, dict):
        return [v for k, inner in node.items() if k not in ("type", "vocab", "model") for v in values(inner)]
    return [v for inner in node for v in values(inner)] if isinstance(node, list) else [node]


@pytest.mark.parametrize("shards", [0, 1, 2])
def test_the_bytes_of_a_base_are_those_of_its_weights_whichever_file_holds_them(tmp_path: Path, shards: int) -> None:
    folder = save_model(tmp_path / "model")
    if shards:
        as_pickles(folder, shards)
    parameters = encoders.load(ModelConfig(str(folder))).parameters
    manifest = Manifest("peft", "a", 0, "searched", str(folder), "", False, "mean", ("a", "b"), Frame(16, 0), ())
    assert 4 * parameters <= measure._base_bytes(manifest) < 4 * parameters + 20_000
