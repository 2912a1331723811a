"""Data sets as the Hub has them, loaded by datasets itself from folders: splits, class labels, hidden ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import write_csv, write_jsonl, write_parquet

from study import tasks
from study.config.schema import TaskConfig
from study.core.errors import AssetError, ConfigError, DataError, StudyError
from study.data.examples import Documents, Examples, Texts

CARD = """---
configs:
- config_name: {name}
  data_files:
{files}
---
"""
PAIRS = {"premise": ["a b", "c d", "e f", "g h"], "hypothesis": ["1", "2", "3", "4"], "label": [0, 1, -1, 2]}
NAMES = ["entailment", "neutral", "contradiction"]


def made(columns: dict[str, list[Any]], names: list[str] | None = None) -> Any:
    from datasets import ClassLabel, Dataset

    rows = Dataset.from_dict(columns)
    return rows.cast_column("label", ClassLabel(names=names)) if names else rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of two sentences and a class each, in the layout of the Hub, with one configuration."""
    splits = {"train": PAIRS, "validation": {"premise": ["i"], "hypothesis": ["5"], "label": [1]}}
    splits["test"] = {"premise": ["j", "k"], "hypothesis": ["6", "7"], "label": [-1, -1]}
    for split, columns in splits.items():
        made(columns, NAMES).to_parquet(tmp_path / "mnli" / f"{split}.parquet")
    files = "\n".join(f"  - split: {split}\n    path: mnli/{split}.parquet" for split in splits)
    (tmp_path / "README.md").write_text(CARD.format(name="mnli", files=files), encoding="utf-8")
    return tmp_path


def read(path: Path, **keys: Any) -> Examples:
    return tasks.get("hub").load(TaskConfig(name="hub", path=str(path), **keys), 0)


def test_texts_and_class_labels_are_told_by_their_types_and_hidden_labels_left_out(folder: Path) -> None:
    texts = read(folder, config="mnli")
    assert isinstance(texts, Texts)
    assert texts.texts == ("a b\n1", "c d\n2", "g h\n4")
    assert texts.labels.tolist() == [0, 1, 2]
    assert texts.classes == tuple(NAMES)
    assert texts.notes[f"hidden labels in split train of task.path={folder}"] == "1 dropped"
    assert texts.held is None


def test_a_test_split_is_the_test_set(folder: Path) -> None:
    texts = read(folder, config="mnli", test_split="validation")
    assert texts.held is not None
    assert texts.held.tolist() == [False] * 3 + [True]


@pytest.mark.parametrize("keys", [{"test_split": "train"}, {"split": "validation", "test_split": "validation"}])
def test_a_test_split_that_is_learned_from_is_refused(folder: Path, keys: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="is also the split that is learned from"):
        read(folder, config="mnli", **keys)


def test_a_split_that_hides_its_labels_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match=r"split test of task.path=.*: hides its labels; name another split"):
        read(folder, config="mnli", test_split="test")


def test_columns_that_are_named_are_taken(folder: Path) -> None:
    texts = read(folder, config="mnli", text="hypothesis")
    assert isinstance(texts, Texts)
    assert texts.texts == ("1", "2", "4")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"config": "qqp"}, "task.config=qqp: has no split train"),
        ({"config": "mnli", "split": "dev"}, "has no split dev; choose one of train, validation, test in task.split"),
        ({"config": "mnli", "split": "train+dev"}, "has no split train+dev; choose one of train, validation, test"),
        (
            {"config": "mnli", "test_split": "dev[:1]"},
            "has no split dev[:1]; choose one of train, validation",
        ),
        ({"config": "mnli", "label_type": "text"}, "task.label_type=text: is not read, since the data set names the"),
        ({"config": "mnli", "text": "sentence"}, "task.text=sentence: is no column of split train"),
        ({"config": "mnli", "label": "y"}, "task.label=y: is no column of split train"),
    ],
)
def test_what_the_data_set_lacks_is_said_in_one_line(folder: Path, keys: dict[str, str], said: str) -> None:
    with pytest.raises(StudyError) as caught:
        read(folder, **keys)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("several", [True, False])
def test_a_folder_of_save_to_disk_is_read_too(tmp_path: Path, several: bool) -> None:
    from datasets import DatasetDict

    rows = made({"sentence": ["a", "b", "c"], "label": ["good", "bad", "good"]})
    (DatasetDict({"train": rows}) if several else rows).save_to_disk(tmp_path / "saved")
    texts = read(tmp_path / "saved", text="sentence", label="label")
    assert isinstance(texts, Texts)
    assert texts.texts == ("a", "b", "c")
    assert texts.classes == ("bad", "good")  # words of no class label: in the order of their characters


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"split": "validation"}, "has no split validation; choose one of train in task.split"),
        ({"test_split": "test"}, "has no split test; choose one of train in task.test_split"),
        ({"split": "Train"}, "has no split Train; choose one of train"),
    ],
)
@pytest.mark.parametrize("several", [True, False])
def test_a_saved_folder_has_no_split_but_its_own(tmp_path: Path, several: bool, keys: Any, said: str) -> None:
    from datasets import DatasetDict

    rows = made({"sentence": ["a", "b", "c"], "label": ["good", "bad", "good"]})
    (DatasetDict({"train": rows}) if several else rows).save_to_disk(tmp_path / "saved")
    with pytest.raises(AssetError, match=said):
        read(tmp_path / "saved", text="sentence", label="label", **keys)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["007", "7", "12"], ("007", "12", "7")),
        (["0", "1", "3+"], ("0", "1", "3+")),
        ([0.5, 1.0, 1.5], ("0.5", "1", "1.5")),
        ([True, False, True], ("false", "true")),
    ],
)
def test_labels_of_a_data_set_are_what_they_would_be_in_a_file(tmp_path: Path, labels: Any, classes: Any) -> None:
    made({"sentence": ["a", "b", "c"], "label": labels}).save_to_disk(tmp_path / "saved")
    texts = read(tmp_path / "saved", text="sentence", label="label")
    assert isinstance(texts, Texts)
    assert texts.classes == classes


def test_three_columns_of_text_leave_a_doubt_that_is_said(tmp_path: Path) -> None:
    made({"a": ["x", "y"], "b": ["x", "y"], "c": ["x", "y"], "label": [0, 1]}, ["no", "yes"]).save_to_disk(tmp_path)
    with pytest.raises(ConfigError, match=r"task\.text: is not given, and task=hub learns from it"):
        read(tmp_path)


def test_a_summarization_is_told_by_its_target(tmp_path: Path) -> None:
    rows = {"article": ["A cat sat. A dog barked.", "It rained. It poured."], "summary": ["a dog barked", "rained"]}
    made(rows).save_to_disk(tmp_path)
    documents = read(tmp_path, kind="summarization", target="summary")
    assert isinstance(documents, Documents)
    assert documents.highlights == ((0, 1), (1, 0))
    assert np.isin(documents.strata, 0).all()


def test_without_the_package_it_is_said_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(AssetError, match=r"pip install 'lora-study\[hub\]'"):
        read(tmp_path)


WRITERS = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_parquet}


@pytest.mark.parametrize("kind", [*WRITERS, "arrow"])
def test_a_file_that_was_replaced_in_place_is_read_anew(tmp_path: Path, kind: str) -> None:
    def written(word: str) -> Examples:
        rows = [{"text": f"{word} {i}", "label": "ab"[i % 2]} for i in range(4)]
        if kind == "arrow":
            made({key: [row[key] for row in rows] for key in rows[0]}).save_to_disk(tmp_path)
        else:
            WRITERS[kind](tmp_path / f"train.{kind}", rows)
        for file in tmp_path.iterdir():
            os.utime(file, (1e9, 1e9))
        return read(tmp_path, text="text", label="label")

    before, sizes = written("one"), {f.name: f.stat().st_size for f in tmp_path.iterdir()}
    after = written("two")
    assert {f.name: f.stat().st_size for f in tmp_path.iterdir()} == sizes
    assert isinstance(before, Texts)
    assert isinstance(after, Texts)
    assert (before.texts[0], after.texts[0]) == ("one 0", "two 0")
    assert before.fingerprint != after.fingerprint


def test_another_card_is_another_reading_of_the_same_files(folder: Path) -> None:
    assert len(read(folder, config="mnli")) == 3
    card = folder / "README.md"
    before = card.stat()
    card.write_text(card.read_text().replace("mnli/train", "mnli/validation", 1))
    os.utime(card, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert len(read(folder, config="mnli")) == 1


def test_what_was_prepared_once_is_not_prepared_again(tmp_path: Path) -> None:
    import datasets

    write_csv(tmp_path / "train.csv", [{"text": f"a {i}", "label": "ab"[i % 2]} for i in range(4)])
    kept = Path(datasets.config.HF_DATASETS_CACHE)
    read(tmp_path, text="text", label="label")
    prepared = {f: f.stat().st_mtime_ns for f in kept.rglob("*.arrow")}
    read(tmp_path, text="text", label="label")
    assert {f: f.stat().st_mtime_ns for f in kept.rglob("*.arrow")} == prepared
