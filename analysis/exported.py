"""Models that were exported for devices, read off the metrics that `lora-export` adds to a trial's run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from study.core import formatting as fmt
from study.core.figures import EXPORTED

PREFIX = "export/"
COLUMNS = ("trial", "configuration", "format", *EXPORTED)


def exports_of(trials: pd.DataFrame) -> pd.DataFrame:
    """One row for each trial and format that has been exported, the smallest first; empty where none has."""
    rows: list[dict[str, Any]] = []
    for _, trial in trials.iterrows():
        for label, figures in _figures(trial).items():
            rows.append({"trial": trial["number"], "configuration": trial["label"], "format": label, **figures})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    whole = table["bytes"] + table["base_bytes"].fillna(0)
    return table.assign(whole=whole).sort_values(["whole", "trial", "format"], ignore_index=True).drop(columns="whole")


def _figures(trial: pd.Series) -> dict[str, dict[str, float]]:
    """The trial's figures by format: ``export/onnx/bytes`` is the figure bytes of onnx."""
    out: dict[str, dict[str, float]] = {}
    for column, value in trial.items():
        label, _, figure = str(column).removeprefix(PREFIX).partition("/")
        if str(column).startswith(PREFIX) and pd.notna(value):
            out.setdefault(label, {})[figure] = float(value)
    return out


def export_cells(row: pd.Series) -> dict[str, str]:
    """A table's row of one export: heading → cell."""
    base = f" + {fmt.megabytes(row['base_bytes'])} base" if pd.notna(row["base_bytes"]) else ""
    return {
        "Trial": str(row["trial"]),
        "Configuration": fmt.text(row["configuration"]),
        "Export": row["format"],
        "Stored": fmt.megabytes(row["bytes"]) + base,
        "Parameters": fmt.count(row["parameters"]),
        "Latency p50": fmt.milliseconds(row["latency_p50_ms"]),
        "Latency p95": fmt.milliseconds(row["latency_p95_ms"]),
        "Peak memory": fmt.megabytes(row["peak_bytes"]),
        "Test score": fmt.number(row["test_score"]),
        "Difference": fmt.short(row["max_difference"]),
    }
