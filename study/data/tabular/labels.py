"""Columns of labels to class indices, whose order depends on nothing but the labels."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from study.core.errors import DataError
from study.data.tabular.cells import BOOLS, is_number, number, text_of
from study.data.tabular.table import Table, is_missing

Class = int | bool | str
SAYS: dict[str, Callable[[str], Class]] = {
    "numbers": number, "true or false": lambda text: BOOLS[text.lower()], "words": str,
}  # fmt: skip
FRACTION = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
LEAST = 10  # different values below which a column may be a scale, such as 0, 0.5, 1


def encode(
    tables: Sequence[Table], name: str, names: Sequence[str] | None = None, label_type: str | None = None
) -> tuple[np.ndarray, tuple[str, ...], str]:
    """The labels [n] of all tables as indices of the first one's classes; the classes; a note on their type.

    They are in the column `name`. What they are is decided for the whole column, or said by `label_type` (text, number;
    None or auto decides). Numbers are in the order of numbers, words in that of their characters, false before true;
    `names` are those of classes that are numbered already. Raises DataError where a label is missing, is no class, a
    measurement or not of the type asked for, or where the first table does not have it.
    """
    texts = [_texts(table, name) for table in tables]
    kind = _kind(texts, tables, "number" if names is not None else label_type)
    if kind != "true or false" and label_type in (None, "auto") and names is None:
        _refuse_measurements(texts[0], tables[0], name)
    labels = [[SAYS[kind](text) for text in column] for column in texts]
    classes = list(range(len(names))) if names is not None else sorted(set(labels[0]))
    index = {label: i for i, label in enumerate(classes)}
    for table, column in zip(tables, labels, strict=True):
        unseen = [i for i, label in enumerate(column) if label not in index]
        rule = (
            f"has the label {_name(column[unseen[0]])[:40]}, which no row of {tables[0].source} has" if unseen else ""
        )
        table.refuse(unseen, rule, "leave the row out, or add rows with this label to learn from")
    class_names = tuple(names) if names is not None else tuple(map(_name, classes))
    said = "as the data set names them" if names is not None else kind
    note = f"{said}, {len(class_names)} classes{_reason(kind, texts, tables, label_type)}"
    return np.array([index[label] for column in labels for label in column], dtype=np.int64), class_names, note


def _texts(table: Table, name: str) -> list[str]:
    """The labels as text; DataError where one is missing or can be no class."""
    cells = table.column("label", name)
    absent = [i for i, cell in enumerate(cells) if is_missing(cell)]
    table.refuse(absent, f"has no label (task.label={name})", "fill it in, or delete the row")
    other = [i for i, cell in enumerate(cells) if _is_no_class(cell)]
    rule = f"has the label {str(cells[other[0]])[:40]}, which is no class" if other else ""
    table.refuse(other, rule, "a class is a number, a word, or true or false")
    return [text_of(cell) for cell in cells]


def _is_no_class(cell: Any) -> bool:
    return isinstance(cell, list | dict | bytes) or (isinstance(cell, float) and not math.isfinite(cell))


def _refuse_measurements(texts: Sequence[str], table: Table, name: str) -> None:
    """Raise DataError for a column of numbers most of which occur once: a regression's target or ids, no classes."""
    values = Counter(texts)
    fractions = all(FRACTION.fullmatch(text) for text in values)
    if fractions and len(values) > LEAST and 2 * sum(n == 1 for n in values.values()) > len(texts):
        rule = f"holds {len(values)} different numbers in {len(texts)} rows, measurements rather than classes"
        remedy = (
            "write classes into a column, such as low and high, or take the numbers as words by task.label_type=text"
        )
        raise DataError(f"task.label={name} of {table.source}", rule, remedy)


def _kind(texts: Sequence[Sequence[str]], tables: Sequence[Table], label_type: str | None) -> str:
    """The kind of the column's labels: numbers, true or false, or words (the keys of SAYS)."""
    if label_type == "text":
        return "words"
    if label_type == "number":
        for table, column in zip(tables, texts, strict=True):
            odd = [i for i, text in enumerate(column) if not is_number(text)]
            rule = f"has the label {column[odd[0]][:40]}, which is no plain whole number" if odd else ""
            table.refuse(odd, rule, "write a number such as 7, or task.label_type=text")
        return "numbers"
    every = {text for column in texts for text in column}
    if all(map(is_number, every)):
        return "numbers"
    return "true or false" if all(text.lower() in BOOLS for text in every) else "words"


def _reason(kind: str, texts: Sequence[Sequence[str]], tables: Sequence[Table], label_type: str | None) -> str:
    """A note on why labels are words though some are numbers: the first that is none; else an empty text."""
    every = [(table, i, text) for table, column in zip(tables, texts, strict=True) for i, text in enumerate(column)]
    if kind != "words" or label_type == "text" or not any(is_number(text) for _, _, text in every):
        return ""
    table, i, text = next(place for place in every if not is_number(place[2]))
    return f", since {table.place(i)} of {table.source} has {text[:40]}, which is no plain whole number"


def _name(label: Class) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)
