"""The curves of throughput.py: folds a second and idle workers against the size of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.throughput import Row

COLORS = {"SQLite": "#0072b2", "PostgreSQL": "#d55e00"}
WITHOUT_RACING = {"SQLite": "#56b4e9", "PostgreSQL": "#e69f00"}
TARGETS = {"SQLite": 200, "PostgreSQL": 100}  # folds a second


def lines_of(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by what they have in common but the number of workers, in words, each line from left to right."""
    lines: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.workers):
        words = [row.store, row.schedule, *([] if row.pruner == "none" else [row.pruner])]
        lines.setdefault(", ".join([*words, *(["uneven costs"] if row.uneven else [])]), []).append(row)
    return lines


def draw(rows: Sequence[Row], path: Path) -> None:
    """Two panels: folds a second, with the targets, and the share of workers' time that is idle."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.hashsalt": "throughput", "svg.fonttype": "none"}
    from matplotlib import pyplot

    figure, (rates, idle) = pyplot.subplots(1, 2, figsize=(9, 4.8))
    for label, line in lines_of(rows).items():
        look: dict[str, Any] = {
            "color": (WITHOUT_RACING if line[0].pruner == "none" else COLORS)[line[0].store],
            "linestyle": {"rounds": "-", "rolling": ":", "async": "--"}[line[0].schedule],
        }
        look |= {"marker": "s" if line[0].uneven else "o", "markersize": 3.5, "linewidth": 1.4, "label": label}
        workers = [row.workers for row in line]
        rates.plot(workers, [row.rate for row in line], **look)
        idle.plot(workers, [row.idle for row in line], **look)
    for store, target in TARGETS.items():
        rates.axhline(target, color=COLORS[store], linewidth=0.6, alpha=0.5)
    idle.axhline(0.1, color="#bbbbbb", linewidth=0.8)
    rates.set(xlabel="workers", ylabel="finished folds a second", xscale="log", ylim=(0, None))
    idle.set(xlabel="workers", ylabel="share of workers' time that is idle", xscale="log", ylim=(0, 1))
    figure.tight_layout(rect=(0, 0.2, 1, 1))
    handles, labels = idle.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=3, fontsize=8, loc="lower center", frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
