"""The exports of a study as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from study import methods
from study.core import formatting as fmt
from study.core.printed_commands import export_line
from study.core.text_table import Column, TextTable
from study.search.stored import configuration_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

NAMES = ("configuration", "export")
HEADS = ("trial", *NAMES, "stored", "base", "parameters", "latency p50", "p95", "peak memory", "test score")


def name_of(trial: FrozenTrial) -> str:
    """The trial's configuration as a person reads it."""
    configuration = configuration_of(trial)
    return methods.of(configuration).label(configuration)


def render(
    study: str,
    rows: Mapping[tuple[int, str], Mapping[str, float]],
    labels: Mapping[int, str],
    fitting: set[tuple[int, str]],
    within: str | None,
    storage: str | None = None,
) -> str:
    """The table of the exports that fit, with a line on how many do not."""
    if not rows:
        return f"No trial of {study} has been exported: write {export_line(study, 'best', storage)}"
    cells = [_cells(*key, labels[key[0]], rows[key]) for key in rows if key in fitting]
    kept = [place for place, head in enumerate(HEADS) if head != "base" or any(row[place] for row in cells)]
    columns = tuple(Column(HEADS[place], name=HEADS[place] in NAMES) for place in kept)
    text = TextTable(columns, tuple(tuple(row[place] for place in kept) for row in cells)).text()
    if within is None:
        return text
    return f"{text}\n{len(fitting)} of {len(rows)} exports are within {within}" if fitting else _none(rows, within)


def _none(rows: Mapping[tuple[int, str], Mapping[str, float]], within: str) -> str:
    """The sentence for a bound that no export meets."""
    return f"None of {len(rows)} exports is within {within}."


def _cells(number: int, label: str, name: str, f: Mapping[str, float]) -> tuple[str, ...]:
    """The cells of one export's row, in the order of HEADS; "base" is what an adapter needs beside it."""
    base = fmt.megabytes(f["base_bytes"]) if "base_bytes" in f else ""
    return (
        str(number), label, name, fmt.megabytes(f.get("bytes")), base, fmt.count(f["parameters"]),
        fmt.milliseconds(f["latency_p50_ms"], 1), fmt.milliseconds(f["latency_p95_ms"], 1),
        fmt.megabytes(f.get("peak_bytes")), fmt.number(f.get("test_score")),
    )  # fmt: skip
