"""Where the time and the memory of a study went: one bar a trial, its parts as far as they are recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import pandas as pd

from analysis.plots import Plot, Series
from analysis.runs import StudyRuns
from study.core import formatting as fmt

MOST = 24  # bars that a plot has room for
TIME, MEMORY = "time/train_seconds", "memory/train_bytes"
WIDTHS = {"float32": 4, "bfloat16": 2}  # bytes of a frozen number; what trains is float32 whatever the others are
MIB = 2**20
TRAINED, MOMENTS = 4, 8  # bytes of a number that trains, and of what AdamW keeps of it
KINDS = ("front", "baselines", "other trials", "stopped trials")  # of trials
PHASES = {TIME: "training", "time/score_seconds": "scoring", "time/prepare_seconds": "preparing"}
PARTS = ("weights", "optimizer state", "a step's activations and gradients")
WHOLE = ("in all",)
COLORS = (0, 2, 1)  # of the parts


def time_plot(runs: StudyRuns, front: Sequence[int]) -> Plot:
    """The time of the trials that took longest, over all their folds, by phase; the caption says what it adds up to."""
    timed = runs.trials[runs.trials[TIME].notna() & runs.trials["duplicate_of"].isna()]
    phases = timed.reindex(columns=[*PHASES]).astype(float).fillna(0.0)
    phases = phases[[name for name in PHASES if phases[name].any()]]
    order = pd.DataFrame({"seconds": phases.sum(axis=1), "number": timed["number"]})
    longest = order.sort_values(["seconds", "number"], ascending=[False, True]).head(MOST)
    kinds = timed.apply(lambda row: _kind(row, front), axis=1) if len(timed) else pd.Series(dtype=str)
    series = _phase_bars(runs, timed.loc[longest.index], phases.loc[longest.index], kinds)
    ticks = tuple((float(i), str(number)) for i, number in enumerate(longest["number"]))
    caption = _time_caption(runs, phases, kinds, len(timed) - len(longest))
    return Plot("time", "Where the time went", caption, "trial", "time (s)", series, ticks=ticks)


def memory_parts_plot(runs: StudyRuns, shown: Sequence[int]) -> Plot:
    """What the training of one fold of each of the `shown` trials holds in memory, by part, the largest first."""
    known = runs.trials[runs.trials["number"].isin(shown) & runs.trials[MEMORY].notna()]
    rows = known.sort_values([MEMORY, "number"], ascending=[False, True]).head(MOST).to_dict("records")
    parts = [memory_parts(row, precision_of(runs, row["number"])) for row in rows]
    names = PARTS if all(parts) else WHOLE
    amounts = [part if names is PARTS and part else (row[MEMORY],) for row, part in zip(rows, parts, strict=True)]
    caption = (
        "Of one fold's training, as counted by the engine: the weights, what the optimizer keeps of those that train, "
        "and the most that one step holds beside them. The baselines and the front. What a process holds beside it, "
        "its libraries and data, is not in it."
    )
    ticks = tuple((float(i), str(row["number"])) for i, row in enumerate(rows))
    series = tuple(_memory_layer(name, i, rows, amounts) for i, name in enumerate(names)) if rows else ()
    return Plot("memory_parts", "Where the memory went", caption, "trial", "memory (MiB)", series, ticks=ticks)


def memory_parts(row: Mapping[Any, Any], precision: str) -> tuple[float, ...] | None:
    """The bytes of a trial's training memory by :data:`PARTS`; None where its figures do not tell."""
    total, trained, whole = (row.get(name, nan) for name in ("params/total", "params/trainable", MEMORY))
    copied = row.get("kind") == "full" and precision != "float32"  # beside the weights that it copies
    if precision not in WIDTHS or copied or fmt.missing(total) or fmt.missing(trained):
        return None
    weights, moments = (total - trained) * WIDTHS[precision] + trained * TRAINED, trained * MOMENTS
    step = whole - weights - moments
    return (weights, moments, step) if step >= 0 else None


def precision_of(runs: StudyRuns, number: int) -> str:
    """What a trial's frozen weights are kept in; empty where that was not recorded."""
    return runs.parameter(number, "model.precision") or ""


def _kind(row: pd.Series, front: Sequence[int]) -> str:
    if row["number"] in front:
        return "front"
    if not fmt.missing(row["baseline"]):
        return "baselines"
    return "other trials" if row["state"] == "complete" else "stopped trials"


def _phase_bars(runs: StudyRuns, rows: pd.DataFrame, phases: pd.DataFrame, kinds: pd.Series) -> tuple[Series, ...]:
    """The bars of each phase, on top of the phases before it."""
    folds = runs.folds.groupby("number").size()
    each = list(zip(rows.to_dict("records"), phases.to_dict("records"), kinds.reindex(rows.index), strict=True))
    hover = tuple(_time_hover(row, taken, kind, int(folds.get(row["number"], 0))) for row, taken, kind in each)
    amounts = [tuple(taken.values()) for _, taken, _ in each]
    return tuple(_layer(PHASES[name], i, amounts, hover) for i, name in enumerate(phases)) if each else ()


def _time_hover(row: Mapping[Any, Any], phases: Mapping[Any, float], kind: str, folds: int) -> str:
    taken = ", ".join(f"{PHASES[name]} {fmt.seconds(seconds)}" for name, seconds in phases.items())
    return f"{row['label']}\n{taken} in {fmt.plural(folds, 'fold')} ({kind})"


def _time_caption(runs: StudyRuns, phases: pd.DataFrame, kinds: pd.Series, more: int) -> str:
    totals = {kind: float(phases.loc[kinds == kind, TIME].sum()) for kind in KINDS if (kinds == kind).any()}
    parts = [f"{kind} {fmt.seconds(seconds)}" for kind, seconds in totals.items()]
    said = f"Trainings took {fmt.seconds(sum(totals.values()))} in all: {', '.join(parts)}."
    beside = [f"{PHASES[name]} {fmt.seconds(float(phases[name].sum()))}" for name in phases if name != TIME]
    if beside:
        said += f" Beside them stand {' and '.join(beside)}: held-out answers, and what comes before a first step."
    if runs.info.ended is not None:
        wall = (runs.info.ended - runs.info.started).total_seconds()
        said += f" From its first command's start to its last one's end, pauses included, {fmt.seconds(wall)} went by."
    verb = "is" if more == 1 else "are"
    return said + f" {fmt.plural(more, 'trial')} that took less {verb} not drawn." * bool(more)


def _layer(name: str, place: int, amounts: Sequence[tuple[float, ...]], hover: tuple[str, ...]) -> Series:
    """One part of each bar, on top of the parts before it; `amounts` are the parts of each, as they are drawn."""
    x = tuple(map(float, range(len(amounts))))
    y, base = tuple(parts[place] for parts in amounts), tuple(sum(parts[:place]) for parts in amounts)
    return Series(name, x, y, (nan,) * len(x), hover, "square", color=COLORS[place], bars=True, base=base)


def _memory_layer(
    name: str, place: int, rows: Sequence[Mapping[Any, Any]], amounts: Sequence[tuple[float, ...]]
) -> Series:
    hover = tuple(_memory_hover(name, row, parts[place]) for row, parts in zip(rows, amounts, strict=True))
    return _layer(name, place, [tuple(part / MIB for part in parts) for parts in amounts], hover)


def _memory_hover(name: str, row: Mapping[Any, Any], part: float) -> str:
    peak = row["memory/peak_bytes"]
    lines = [fmt.text(row["label"]), f"{name}: {fmt.mebibytes(part)} of {fmt.mebibytes(row[MEMORY])}"]
    lines += [] if fmt.missing(peak) else [f"observed of the whole process: {fmt.mebibytes(peak)}"]
    return "\n".join(lines)
