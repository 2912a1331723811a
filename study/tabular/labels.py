"""Columns of labels to class indices, whose order depends on nothing but the labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from study.tabular.table import Table, missing

Class = int | bool | str
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
BOOLS = {"true": True, "false": False}
KINDS = {bool: "true or false", int: "a number", str: "a word"}


def encode(
    tables: Sequence[Table], name: str, names: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The labels [n] in that column of the tables, one after the other, as indices of the classes of the first.

    Numbers are in the order of numbers, words in that of their characters, false before true; `names` are those of
    classes that are numbered already. Raises DataError where a label is missing, is no class or of another type than
    the first one, or where the first table does not have it.
    """
    labels = [_labels(table, name) for table in tables]
    for table, own in zip(tables, labels, strict=True):
        _check_types(table, own, tables[0], labels[0][0])
    classes = list(range(len(names))) if names is not None else sorted(set(labels[0]))
    index = {label: i for i, label in enumerate(classes)}
    for table, own in zip(tables, labels, strict=True):
        unseen = [i for i, label in enumerate(own) if label not in index]
        rule = f"has the label {_name(own[unseen[0]])}, which no row of {tables[0].source} has" if unseen else ""
        table.refuse(unseen, rule, "leave the row out, or add rows with this label to learn from")
    told = tuple(names) if names is not None else tuple(map(_name, classes))
    return np.array([index[label] for own in labels for label in own], dtype=np.int64), told


def _labels(table: Table, name: str) -> list[Class]:
    cells = table.column("label", name)
    absent = [i for i, cell in enumerate(cells) if missing(cell) or str(cell).strip().lower() == "nan"]
    table.refuse(absent, f"has no label (task.label={name})", "fill it in, or delete the row")
    labels = [_label(cell) for cell in cells]
    other = [i for i, label in enumerate(labels) if label is None]
    rule = f"has the label {str(cells[other[0]])[:40]}, which is no class" if other else ""
    table.refuse(other, rule, "a class is a whole number, a word, or true or false")
    return labels  # type: ignore[return-value]


def _check_types(table: Table, labels: list[Class], first: Table, wanted: Class) -> None:
    """Refuse a label of another type than the very first one."""
    other = next((i for i, label in enumerate(labels) if type(label) is not type(wanted)), None)
    if other is not None:
        rule = f"has the label {_told(labels[other])}, and {first.place(0)} has {_told(wanted)}"
        table.refuse([other], rule, "write every label in one way")


def _label(cell: Any) -> Class | None:
    """What a cell says: text of a number is that number, a whole float an int; None where it is no class."""
    if isinstance(cell, str):
        text = cell.strip()
        if text.lower() in BOOLS:
            return BOOLS[text.lower()]
        if not NUMBER.fullmatch(text):
            return text
        cell = float(text) if "." in text else int(text)
    if isinstance(cell, bool | int):
        return cell
    return int(cell) if isinstance(cell, float) and cell.is_integer() else None


def _told(label: Class) -> str:
    return f"{_name(label)[:40]}, {KINDS[type(label)]}"


def _name(label: Class) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
