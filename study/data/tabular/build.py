"""Tables to examples of the kind that `task.kind` names."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from study.config.schema import TaskConfig
from study.core.errors import ConfigError
from study.data.examples import Documents, Examples, Pairs, Texts
from study.data.tabular.cells import keys
from study.data.tabular.labels import encode
from study.data.tabular.table import Table, is_missing
from study.text import rouge, summaries
from study.text.rouge import Words
from study.text.sentences import splitter

# What each kind reads beside the texts.
READS = {
    "classification": ("label", "label_type", "rare"),
    "summarization": ("target", "budget", "rouge"),
    "summarization_generate": ("target", "longest", "prefix", "suffix", "rouge"),
}
COLUMNS = ("text", "label", "target", "group", "id")
JOINED = "+"  # between the names of two columns whose texts are read one after the other


def kind_of(config: TaskConfig) -> str:
    """The value of `task.kind`, which is classification where none is given."""
    return config.kind or "classification"


def require_columns(config: TaskConfig) -> None:
    """Raise ConfigError where `task.text`, `task.label` or `task.target` is needed and not given."""
    for key in ("text", READS[kind_of(config)][0]):
        if getattr(config, key) is None:
            what = "label" if key == "label" else "target summary" if key == "target" else "text"
            rule = f"is not given, and task={config.name} learns from it"
            raise ConfigError(f"task.{key}", rule, f"write task.{key}= and the column that holds the {what}")


def wanted_columns(config: TaskConfig) -> set[str]:
    """The names of the columns that the configuration may mean; of a+b also its parts, since either may be a name."""
    named = [getattr(config, key) for key in COLUMNS]
    return {name for cell in named if cell for name in (cell, *cell.split(JOINED))}


def build(config: TaskConfig, tables: Sequence[Table], names: Sequence[str] | None = None) -> Examples:
    """The examples in the first table and, as the source's own test set, those in the second.

    `names` are the classes that labels number, where they do. Rows without a text are left out and counted; raises
    DataError for a row that lacks anything else.
    """
    _check_ids(config, tables)
    kept, texts, empty = zip(*(_with_text(config, table) for table in tables), strict=True)
    for table, table_texts in zip(tables, texts, strict=True):
        table.refuse(
            [0] if not table_texts else [], "and every other row has no text", "name another column in task.text"
        )
    both = [text for table_texts in texts for text in table_texts]
    sizes = list(map(len, texts))
    common: dict[str, Any] = {
        "groups": _groups(config, kept),
        "held": np.repeat([False, True], sizes) if len(sizes) > 1 else None,
        "notes": {k: v for part in empty for k, v in part.items()},
    }
    if kind_of(config) == "classification":
        labels, classes, said = encode(kept, str(config.label), names, config.label_type)
        return Texts(tuple(both), labels, classes, **common).with_notes(label_type=said)
    targets, common["words"], said = _targets(config, kept)
    if kind_of(config) == "summarization":
        return _documents(config, both, targets, sizes[0], common).with_notes(rouge=said)
    longest = config.longest or _room(targets[: sizes[0]], common["words"])
    frame = {"prefix": config.prefix or "", "suffix": config.suffix or "", "metric": "rougeL"}
    pairs = Pairs(tuple(both), targets, longest, **frame, **common)  # type: ignore[arg-type]
    return pairs.with_notes(tokens_to_write=longest, rouge=said)


def _with_text(config: TaskConfig, table: Table) -> tuple[Table, list[str], dict[str, str]]:
    """The rows that have a text, their texts, and a note on the others."""
    name = str(config.text)
    names = [name] if name in table.columns else name.split(JOINED)
    columns = [table.column("text", n) for n in names]
    for column in columns:
        odd = [i for i, cell in enumerate(column) if not (isinstance(cell, str) or is_missing(cell))]
        rule = f"has {str(column[odd[0]])[:40]} for a text (task.text={name})" if odd else ""
        table.refuse(odd, rule, "name a column of texts in task.text")
    texts = ["\n".join(c.strip() for c in cells if not is_missing(c)) for cells in zip(*columns, strict=True)]
    kept = [i for i, text in enumerate(texts) if text]
    empty = [i for i, text in enumerate(texts) if not text]
    note = {f"no text in {table.source}": f"{len(empty)} dropped: {table.places(empty)}"} if empty else {}
    return table.take(kept), [texts[i] for i in kept], note


def _check_ids(config: TaskConfig, tables: Sequence[Table]) -> None:
    """Raise DataError where an id is missing or occurs twice."""
    seen: dict[str, str] = {}
    if config.id is None:
        return
    columns = [table.column("id", config.id) for table in tables]
    for table, cells in zip(tables, columns, strict=True):
        table.refuse(
            [i for i, c in enumerate(cells) if is_missing(c)], f"has no id (task.id={config.id})", "fill it in"
        )
    for table, ids in zip(tables, keys(columns), strict=True):
        for i, cell in enumerate(ids):
            if cell in seen:
                remedy = "give each row an id of its own, or leave task.id out"
                table.refuse([i], f"has the id {cell[:40]}, as {seen[cell]} has", remedy)
            seen[cell] = f"{table.place(i)} of {table.source}"


def _groups(config: TaskConfig, tables: Sequence[Table]) -> np.ndarray | None:
    """The group of each row, [n], as text; None where no column names groups."""
    if config.group is None:
        return None
    columns = [table.column("group", config.group) for table in tables]
    for table, cells in zip(tables, columns, strict=True):
        absent = [i for i, cell in enumerate(cells) if is_missing(cell)]
        table.refuse(absent, f"has no group (task.group={config.group})", "fill it in, or leave task.group out")
    return np.array([key for group in keys(columns) for key in group])


def _targets(config: TaskConfig, tables: Sequence[Table]) -> tuple[tuple[str, ...], Words, str]:
    """The summaries, the words that ROUGE compares in them, and a note on those; DataError for one without a word."""
    columns = [table.column("target", str(config.target)) for table in tables]
    words, said = rouge.pick(config.rouge, (c for cells in columns for c in cells if isinstance(c, str)))
    for table, cells in zip(tables, columns, strict=True):
        odd = [i for i, c in enumerate(cells) if not isinstance(c, str) or not words.tokenize(c)]
        other = any(isinstance(cells[i], str) and rouge.UNICODE.tokenize(cells[i]) for i in odd)
        rule = f"has no summary that ROUGE can read: {words.alphabet} (task.target={config.target})"
        remedy = "write task.rouge=unicode for words of any script" if other else "fill it in"
        table.refuse(odd, rule, f"{remedy}, or delete the row")
    return tuple(c.strip() for cells in columns for c in cells), words, said


def _documents(
    config: TaskConfig, texts: list[str], targets: tuple[str, ...], learned: int, common: dict[str, Any]
) -> Documents:
    """Documents with the highlights that a greedy search takes (Liu & Lapata 2019), since no person has marked any.

    The splitter learns from the first `learned` of them. A budget that is not given is what the search takes of these
    where nothing limits it, on average: targets themselves are shorter than the sentences that say the same.
    """
    split, words = splitter(texts[:learned]), common["words"]
    sentences = tuple(split(text) for text in texts)
    limit = config.budget or sys.maxsize
    taken = [set(summaries.oracle(s, t, limit, words)) for s, t in zip(sentences, targets, strict=True)]
    sizes = [sum(words.count(sentences[i][k]) for k in taken[i]) for i in range(learned) if taken[i]]
    budget = config.budget or (math.ceil(np.mean(sizes)) if sizes else max(map(words.count, targets)))
    highlights = tuple(
        tuple(int(i in chosen) for i in range(len(s))) for chosen, s in zip(taken, sentences, strict=True)
    )
    documents = Documents(("",) * len(texts), sentences, highlights, targets, budget, metric="rougeL", **common)
    return documents.with_notes(
        highlights="greedy by ROUGE-1 + ROUGE-2, no person's",
        words_of_a_summary=budget,
        documents_without_a_highlight=sum(not chosen for chosen in taken),
    )


def _room(targets: Sequence[str], words: Words) -> int:
    """The tokens that suffice for nearly every target: two for each word of a long one."""
    return math.ceil(2 * float(np.quantile([words.count(t) for t in targets], 0.95)))
