"""Out-of-fold answers as tables, one a trial and one of the study's examples, in the JSON that MLflow's pages show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from study.core.records import Fold, FoldResult

TRIAL, REPEATS, STUDY = "answers.json", "repeats.json", "examples.json"  # names of the files
PREDICTED, WORTH = "predicted", "worth"
Table = Mapping[str, np.ndarray]  # columns of equal length by name; no column where there is nothing to tell


def answers(folds: Sequence[Fold], results: Iterable[FoldResult]) -> Table:
    """A trial's answers, fold by fold: `example` (its position), `fold`, and `predicted` or `worth`."""
    kept = {r.fold: r.answers for r in results if r.answers is not None}
    held_out = {fold.index: fold.valid for fold in folds if fold.index in kept}
    if not held_out:
        return {}
    columns = {PREDICTED: [kept[i].predicted for i in held_out], WORTH: [kept[i].worth for i in held_out]}
    known = {name: [p for p in parts if p is not None] for name, parts in columns.items()}
    return {**_places(held_out), **{name: np.concatenate(parts) for name, parts in known.items() if parts}}


def examples(folds: Sequence[Fold], labels: np.ndarray | None, groups: np.ndarray | None) -> Table:
    """Every held-out example, fold by fold: `example`, `fold`, and its `label` and `group` where there are such."""
    places = _places({fold.index: fold.valid for fold in folds})
    known = {"label": labels, "group": groups}
    return {**places, **{name: values[places["example"]] for name, values in known.items() if values is not None}}


def to_split(table: Table) -> dict[str, Any]:
    """The table as what JSON can hold, row by row, as pandas' orientation ``split``."""
    columns = [_exact(values).tolist() for values in table.values()]
    return {"columns": list(table), "data": [list(row) for row in zip(*columns, strict=True)]}


def to_json(table: Table) -> str:
    """The same as a text."""
    return json.dumps(to_split(table), allow_nan=False, separators=(",", ":"))


def from_json(text: str) -> Table:
    """The columns of a table that was written so; ValueError where the text is cut short."""
    raw = json.loads(text)
    columns = zip(*raw["data"], strict=True) if raw["data"] else [()] * len(raw["columns"])
    return {name: np.array(values) for name, values in zip(raw["columns"], columns, strict=True)}


def _places(held_out: Mapping[int, np.ndarray]) -> dict[str, np.ndarray]:
    indices = [np.full(len(positions), index) for index, positions in held_out.items()]
    return {"example": np.concatenate([*held_out.values()]), "fold": np.concatenate(indices)}


def _exact(values: np.ndarray) -> np.ndarray:
    """Numbers of 4 bytes by their own shortest digits, not by the many that they have as numbers of 8."""
    return values.astype(str).astype(np.float64) if values.dtype == np.float32 else values
