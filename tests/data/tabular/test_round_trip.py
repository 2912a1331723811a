"""A column says the same in CSV, JSON Lines and Parquet: labels, groups and ids alike."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import write_csv, write_jsonl

from study.config.schema import TaskConfig
from study.core.errors import DataError
from study.data.examples import Texts
from study.data.tabular import build
from study.data.tabular.cells import keys, text_of
from study.data.tabular.files import read

WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=6).filter(str.strip)
COLUMNS = st.one_of(
    st.lists(st.integers(-3, 3), min_size=2, max_size=9),
    st.lists(st.booleans(), min_size=2, max_size=9),
    st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0]), min_size=2, max_size=9),
    st.lists(WORDS, min_size=2, max_size=9),
    st.lists(st.sampled_from(["007", "7", "1.0", "1", "true", "nan", "3+", "x ", " x"]), min_size=2, max_size=9),
)  # fmt: skip


def write_arrow(path: Path, rows: list[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def examples(path: Path, **columns: str) -> Texts:
    config = TaskConfig(name="file", path=str(path), text="text", label="label", **columns)
    table = read("path", str(path), build.wanted_columns(config), None, None)
    made = build.build(config, [table])
    assert isinstance(made, Texts)
    return made


@settings(deadline=None, max_examples=60)
@given(COLUMNS)
def test_labels_and_groups_are_the_same_in_every_format(cells: list[Any]) -> None:
    rows = [{"text": f"t {i}", "label": cell, "g": cell} for i, cell in enumerate(cells)]
    written = [{**row, "label": text_of(row["label"]), "g": text_of(row["g"])} for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [
            write_csv(folder / "t.csv", written), write_jsonl(folder / "t.jsonl", rows),
            write_arrow(folder / "t.parquet", rows),
        ]  # fmt: skip
        first, *others = (examples(path, group="g") for path in paths)
    for other in others:
        assert (other.classes, other.labels.tolist()) == (first.classes, first.labels.tolist())
        assert other.notes["label type"].split(",")[:2] == first.notes["label type"].split(",")[:2]
        assert other.groups is not None
        assert first.groups is not None
        assert other.groups.tolist() == first.groups.tolist()
        assert other.fingerprint == first.fingerprint


@given(COLUMNS)
def test_two_cells_are_one_key_where_and_only_where_they_say_the_same(cells: list[Any]) -> None:
    (texts,) = keys([cells])
    numbers = all(str(c).lstrip("+-").removesuffix(".0").isdigit() and not isinstance(c, bool) for c in cells)
    if not numbers:
        assert texts == [text_of(cell) for cell in cells]
    assert [text_of(f) for f in texts] == texts


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0.5, 1.0, 1.5], ("0.5", "1", "1.5")),
        ([1.0, 2.0], ("1", "2")),
        ([1, "1", 1.0], ("1",)),
        ([True, "true"], ("true",)),
        ([1.1, 1.2, "2.10"], ("1.1", "1.2", "2.10")),
    ],
)
def test_numbers_of_json_are_classes_as_those_of_csv(tmp_path: Path, labels: list[Any], classes: Any) -> None:
    rows = [{"text": f"t {i}", "label": label} for i, label in enumerate(labels)]
    assert examples(write_jsonl(tmp_path / "t.jsonl", rows)).classes == classes
    assert (
        examples(write_csv(tmp_path / "t.csv", [{**r, "label": text_of(r["label"])} for r in rows])).classes == classes
    )


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_measurements_are_no_classes_in_any_format(tmp_path: Path, kind: str) -> None:
    rows = [{"text": f"t {i}", "label": float(v)} for i, v in enumerate(np.random.default_rng(0).random(20))]
    write = {"csv": write_csv, "jsonl": write_jsonl, "parquet": write_arrow}[kind]
    path = write(tmp_path / f"t.{kind}", rows)
    with pytest.raises(DataError, match="holds 20 different numbers in 20 rows, measurements rather than classes"):
        examples(path)
    assert len(examples(path, label_type="text").classes) == 20


@pytest.mark.parametrize("ids", [[1, 2, 3], ["1", "2", "3"], list(range(30))])
def test_whole_numbers_that_are_classes_are_no_measurements(tmp_path: Path, ids: list[Any]) -> None:
    rows = [{"text": f"t {i}", "label": label} for i, label in enumerate(ids * 3)]
    assert len(examples(write_jsonl(tmp_path / "t.jsonl", rows)).classes) == len(ids)
    assert json.loads((tmp_path / "t.jsonl").read_text().splitlines()[0])["label"] == ids[0]
