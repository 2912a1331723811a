"""The exports of a study as a table for the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from study import methods
from study.core import formatting as fmt
from study.search.stored import configuration_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

HEADS = ("trial", "configuration", "export", "stored", "parameters", "latency p50", "p95", "peak memory", "test score")


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
) -> str:
    """The table of the exports that fit, with a line on how many do not."""
    if not rows:
        command = shlex.join(["lora-export", f"study={study}", "trial=best", "format=all"])
        return f"No trial of {study} has been exported: write {command}"
    lines = [HEADS, *(_cells(*key, labels[key[0]], rows[key]) for key in rows if key in fitting)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
    if within is None:
        return text
    return f"{text}\n{len(fitting)} of {len(rows)} exports are within {within}" if fitting else _none(rows, within)


def _none(rows: Mapping[tuple[int, str], Mapping[str, float]], within: str) -> str:
    """The sentence for a bound that no export meets."""
    return f"None of {len(rows)} exports is within {within}."


def _cells(number: int, label: str, name: str, f: Mapping[str, float]) -> tuple[str, ...]:
    """The cells of one export's row, in the order of HEADS."""
    stored = fmt.megabytes(f.get("bytes"))
    base = f" + {fmt.megabytes(f['base_bytes'])} base" if "base_bytes" in f else ""
    return (
        str(number), name, label, stored + base, fmt.count(f["parameters"]), fmt.milliseconds(f["latency_p50_ms"], 1),
        fmt.milliseconds(f["latency_p95_ms"], 1), fmt.megabytes(f.get("peak_bytes")), fmt.number(f.get("test_score")),
    )  # fmt: skip
