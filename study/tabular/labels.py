"""Columns of labels to class indices, whose order depends on nothing but the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from study.tabular.cells import BOOLS, is_number, number, spoken
from study.tabular.table import Table, missing

Class = int | bool | str
SAYS: dict[str, Callable[[str], Class]] = {
    "numbers": number, "true or false": lambda text: BOOLS[text.lower()], "words": str,
}  # fmt: skip


def encode(
    tables: Sequence[Table], name: str, names: Sequence[str] | None = None, label_type: str | None = None
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """The labels [n] in that column of the tables, as indices of the classes of the first; the classes; their type.

    What the labels are is decided for the whole column, or said by `label_type` (text, number; None or auto decides).
    Numbers are in the order of numbers, words in that of their characters, false before true; `names` are those of
    classes that are numbered already. Raises DataError where a label is missing, is no class or not of the type asked
    for, or where the first table does not have it.
    """
    texts = [_texts(table, name, label_type) for table in tables]
    kind = _kind(texts, tables, "number" if names is not None else label_type)
    labels = [[SAYS[kind](text) for text in own] for own in texts]
    classes = list(range(len(names))) if names is not None else sorted(set(labels[0]))
    index = {label: i for i, label in enumerate(classes)}
    for table, own in zip(tables, labels, strict=True):
        unseen = [i for i, label in enumerate(own) if label not in index]
        rule = f"has the label {_name(own[unseen[0]])[:40]}, which no row of {tables[0].source} has" if unseen else ""
        table.refuse(unseen, rule, "leave the row out, or add rows with this label to learn from")
    told = tuple(names) if names is not None else tuple(map(_name, classes))
    note = f"{kind}, {len(told)} classes{_reason(kind, texts, tables, label_type)}"
    return np.array([index[label] for own in labels for label in own], dtype=np.int64), told, note


def _texts(table: Table, name: str, label_type: str | None) -> list[str]:
    """What each label says; DataError where one is missing or can be no class."""
    cells = table.column("label", name)
    absent = [i for i, cell in enumerate(cells) if missing(cell)]
    table.refuse(absent, f"has no label (task.label={name})", "fill it in, or delete the row")
    texts = [spoken(cell) for cell in cells]
    other = [i for i, cell in enumerate(cells) if not _may_be_class(cell, texts[i], label_type)]
    rule = f"has the label {texts[other[0]][:40]}, which is no class" if other else ""
    table.refuse(other, rule, "a class is a whole number, a word, or true or false; task.label_type=text takes others")
    return texts


def _may_be_class(cell: Any, text: str, label_type: str | None) -> bool:
    """A fraction is a measurement rather than a class, unless it was written as text or is asked for as text."""
    if isinstance(cell, list | dict | bytes):
        return False
    return isinstance(cell, str | bool) or label_type == "text" or is_number(text)


def _kind(texts: Sequence[Sequence[str]], tables: Sequence[Table], label_type: str | None) -> str:
    """What the labels of the column are."""
    if label_type == "text":
        return "words"
    if label_type == "number":
        for table, own in zip(tables, texts, strict=True):
            odd = [i for i, text in enumerate(own) if not is_number(text)]
            rule = f"has the label {own[odd[0]][:40]}, which is no plain whole number" if odd else ""
            table.refuse(odd, rule, "write a number such as 7, or task.label_type=text")
        return "numbers"
    every = {text for own in texts for text in own}
    if all(map(is_number, every)):
        return "numbers"
    return "true or false" if all(text.lower() in BOOLS for text in every) else "words"


def _reason(kind: str, texts: Sequence[Sequence[str]], tables: Sequence[Table], label_type: str | None) -> str:
    """Where labels that are numbers in part are words, the first that is none."""
    every = [(table, i, text) for table, own in zip(tables, texts, strict=True) for i, text in enumerate(own)]
    if kind != "words" or label_type == "text" or not any(is_number(text) for _, _, text in every):
        return ""
    table, i, text = next(place for place in every if not is_number(place[2]))
    return f", since {table.place(i)} of {table.source} has {text[:40]}, which is no plain whole number"


def _name(label: Class) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
