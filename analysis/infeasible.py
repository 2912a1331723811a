"""What broke the study's constraints: which, how many trials, and which of them came nearest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.runs import StudyRuns
from study.core import formatting as fmt
from study.core.alone import cost_of_trial, number_in
from study.core.figures import FIGURES
from study.core.records import INFEASIBLE

BOUND = re.compile(r"([\w/]+)(<=|>=|<|>)([^\s,]+)")  # as the search writes bounds, in a tag and in a reason
KNOWN = r"{} with (\S+)"  # in the reason of a trial that was not trained: what the bound was broken with


def broken_text(row: Any) -> str:
    """Which constraints a trial breaks, with what; empty where it breaks none, or ended for them before it trained."""
    if fmt.missing(row["broken"]) or not fmt.missing(row["stopped"]):
        return ""
    return f"breaks {' and '.join(f'{bound} with {_amount(bound, row)}' for bound in _bounds(row))}"


def infeasible_baselines(runs: StudyRuns) -> pd.DataFrame:
    """The baselines that were trained and scored, and are kept from the front by a constraint."""
    t = runs.trials
    return t[(t["state"] == INFEASIBLE) & t["duplicate_of"].isna() & t["score"].notna() & t["baseline"].notna()]


def nothing_feasible(runs: StudyRuns) -> str:
    """That no trial keeps the constraints: how many break each, and which is nearest; empty where none breaks any."""
    trials = runs.trials[runs.trials["duplicate_of"].isna()]
    rows = trials[trials["state"] == INFEASIBLE].to_dict("records")
    bounds = dict.fromkeys(bound for row in rows for bound in _bounds(row))
    if not bounds:
        return ""
    parts = (_count_and_nearest(bound, [row for row in rows if bound in _bounds(row)], len(trials)) for bound in bounds)
    return f"No trial keeps the study's constraints, so that there is nothing to recommend: {'; '.join(parts)}."


def _count_and_nearest(bound: str, rows: list[dict[Any, Any]], count: int) -> str:
    nearest = min(rows, key=lambda row: (_distance(bound, row), row["number"]))
    many = f"{len(rows)} of {fmt.plural(count, 'trial')}" if len(rows) < count else f"all {fmt.plural(count, 'trial')}"
    near = f", trial {nearest['number']} ({fmt.text(nearest['label'])}) by least, with {_amount(bound, nearest)}"
    return f"{bound} is broken by {many}{near}"


def _bounds(row: Any) -> Iterator[str]:
    """The bounds that a trial breaks, as its tag names them or, where it was not trained, the reason of its end."""
    text = row["broken"] if not fmt.missing(row["broken"]) else row["stopped"]
    return (match[0] for match in BOUND.finditer("" if fmt.missing(text) else str(text)))


def _value(bound: str, row: Any) -> float:
    """What the trial has of the bound's figure, measured alone where that was measured; NaN where nobody knows it."""
    name = BOUND.fullmatch(bound)[1]  # type: ignore[index]
    if not math.isnan(value := cost_of_trial(name, row).value if name in FIGURES else number_in(row, name)):
        return value
    said = re.search(KNOWN.format(re.escape(bound)), "" if fmt.missing(row["stopped"]) else str(row["stopped"]))
    return float(said[1].rstrip(".,")) if said else math.nan


def _amount(bound: str, row: Any) -> str:
    value, name = _value(bound, row), BOUND.fullmatch(bound)[1]  # type: ignore[index]
    return fmt.MISSING if math.isnan(value) else fmt.by_unit(FIGURES[name].unit, value)


def _distance(bound: str, row: Any) -> float:
    """How far the trial is beyond the bound; what nobody knows is farthest."""
    value = abs(_value(bound, row) - float(BOUND.fullmatch(bound)[3]))  # type: ignore[index]
    return math.inf if math.isnan(value) else value
