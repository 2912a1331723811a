"""What a budget buys, in words: a sentence for whoever moves the slider, and a table's rows."""

from __future__ import annotations

import math
from dataclasses import replace

from analysis.axes import TITLES, Axis, amount, axis_of, better_is_higher
from analysis.budgets import Ladder, Step
from analysis.findings import Findings
from analysis.grid import Grid, grid_of
from analysis.runs import counted_score_text
from study.core import formatting as fmt
from study.core.evidence.verdict import CANNOT_TELL, CHOOSE, NOTHING_BEATS

KINDS = {CHOOSE: "recommended", CANNOT_TELL: "cannot tell: to take meanwhile", NOTHING_BEATS: "nothing beats it"}
UNTRAINED = "what needs no training"


def limit_text(axis: Axis, limit: float) -> str:
    """A budget as it may be typed: of more digits than are shown those that let in what it is the cost of."""
    value = limit * axis.scale
    if value and not float(value).is_integer():
        unit = 10.0 ** (math.floor(math.log10(abs(value))) - 3)  # four digits
        value = (math.floor if better_is_higher(axis) else math.ceil)(value / unit) * unit
    bound = "at least" if better_is_higher(axis) else "at most"
    return f"{bound} {amount(value) if abs(value) < 1000 else f'{value:,.0f}'} {axis.unit}".strip()


def sentence(f: Findings, axis: Axis, step: Step) -> str:
    """What the study says of the configurations within one budget."""
    start = f"With {limit_text(axis, step.limit)} ({TITLES[axis.name]}), "
    if step.number is None:
        return f"{start}nothing beats {UNTRAINED}."
    row, judgement = f.trial(step.number), f.judgement
    assert judgement is not None
    name = f"{row['label']} (trial {step.number}), {f.runs.info.metric} {counted_score_text(row)}"
    if step.count == 1:
        return f"{start}there is only {name}."
    if fmt.missing(step.near):
        return f"{start}the highest score is that of {name}; nothing measures how sure that is."
    near = f"with probability {fmt.probability(step.near)} it is within {judgement.tolerance:g} of the best of "
    near += f"the {step.count} within it."
    said = {
        CHOOSE: f"choose {name}: {near}",
        CANNOT_TELL: f"the data cannot tell; meanwhile take {name}: {near}",
        NOTHING_BEATS: f"nothing beats {name}, which adapts no layer: {near}",
    }
    return start + said[step.kind]


def judged_note(ladder: Ladder) -> str:
    """How many budgets were judged, where that is not each at which something more is within it."""
    left = len(ladder.steps) < ladder.possible
    return f"Judged at {len(ladder.steps)} of {ladder.possible} budgets, evenly." if left else ""


def budgets_grid(f: Findings) -> Grid:
    """A row for each budget of the study's own cost that was judged: which configuration to take within it, and how
    sure that is. The same is what `lora-export` takes by a bound on that cost."""
    name = next(iter(f.budgets), None)
    if name is None:
        return Grid((), ())
    axis, ladder = axis_of(name, f.compared, f.runs.info.metric), f.budgets[name]
    grid = grid_of([_cells(f, axis, step) for step in ladder.steps])
    return replace(grid, notes=(*grid.notes, *filter(None, [judged_note(ladder)])))


def _cells(f: Findings, axis: Axis, step: Step) -> dict[str, str]:
    assert f.judgement is not None
    row = None if step.number is None else f.trial(step.number)
    return {
        f"Budget ({axis.title})": limit_text(axis, step.limit),
        "Configuration": UNTRAINED if row is None else fmt.text(row["label"]),
        "Trial": fmt.MISSING if row is None else str(step.number),
        "Score ± SE": fmt.MISSING if row is None else counted_score_text(row),
        "Verdict": "the only one" if step.count == 1 and row is not None else KINDS[step.kind],
        f"Within {f.judgement.tolerance:g} of the best": fmt.probability(step.near),
        "Of": str(step.count),
    }
