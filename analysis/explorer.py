"""The front with any two figures on its axes, as data that a script draws and a test reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.axes import TITLES, Axis, axes_of, better_is_higher, shorten
from analysis.budget_words import judged_note, limit_text, sentence
from analysis.chosen import chosen_values
from analysis.costs import own_costs, with_costs_alone
from analysis.findings import Findings
from study.core import formatting as fmt
from study.core.alone import cost_of_trial
from study.core.figures import COSTS, ERROR, MAXIMIZE, MINIMIZE
from study.core.pareto import pareto_front

ROOM = 500  # trials that a page has room for
SETTINGS = (("method", "kind"), ("layers", "layers"), ("targets", "targets"))  # by which trials are shown, by column
ABREAST = 3  # settings or figures in a line


def explorer_of(f: Findings, levels: Mapping[str, float]) -> dict[str, Any]:
    """Axes, trials with their values along them, filters, and for each cost what each budget buys; plain JSON.

    `values` and `errors` of a trial are parallel to `axes`, None where unknown; `levels` are scores that need no
    training. Of many trials those stay that are on a front or that some budget buys, and the best of the others.
    """
    axes = axes_of(f.compared, f.runs.info.objectives, f.runs.info.metric)
    costs = [axis for axis in axes if axis.name in COSTS]
    drawn = _with_room(f, costs)
    trials = [_trial(f, row, axes) for row in drawn.to_dict("records")]
    return {
        "axes": [_axis(axis, f.runs.info.higher_is_better) for axis in axes],
        "x": costs[0].name if costs else None,
        "y": next((axis.name for axis in axes if axis.name == "score"), None),
        "recommended": None if f.judgement is None else f.judgement.recommended,
        "mark": f.mark[0] if f.mark else "",
        "levels": [{"name": name, "value": value} for name, value in levels.items()],
        "filters": _filters(trials),
        "budgets": {axis.name: _budgets(f, axis) for axis in costs if axis.name in f.budgets},
        "trials": trials,
        "left_out": len(f.compared) - len(drawn),
    }


def _budgets(f: Findings, axis: Axis) -> dict[str, Any]:
    """The steps of a cost's slider, each with its bound, the trial to take and the sentence that says so."""
    ladder = f.budgets[axis.name]
    steps = [
        {"bound": limit_text(axis, step.limit), "trial": step.number, "said": sentence(f, axis, step)}
        for step in ladder.steps
    ]
    return {"steps": steps, "note": judged_note(ladder)}


def _with_room(f: Findings, costs: list[Axis]) -> pd.DataFrame:
    """The trials that are drawn, by number."""
    order = f.compared.sort_values("score", ascending=not f.runs.info.higher_is_better)
    bought = {step.number for ladder in f.budgets.values() for step in ladder.steps}
    first = order["number"].isin({*bought, *f.front["number"]}) | order["baseline"].notna()
    counted, up = with_costs_alone(order), MAXIMIZE if f.runs.info.higher_is_better else MINIMIZE
    for axis in costs:
        first |= pareto_front(counted, (axis.name, "score"), (axis.direction, up))
    return pd.concat([order[first], order[~first]]).head(ROOM).sort_values("number")


def _axis(axis: Axis, higher_is_better: bool) -> dict[str, Any]:
    up = higher_is_better if axis.name == "score" else better_is_higher(axis)
    return {"name": axis.name, "title": axis.title, "unit": axis.unit, "up": up, "log": axis.log}


def _trial(f: Findings, row: dict[Any, Any], axes: tuple[Axis, ...]) -> dict[str, Any]:
    costs = {axis.name: cost_of_trial(axis.name, row) for axis in axes if axis.name in COSTS}
    values = {axis.name: costs[axis.name].value if axis.name in costs else row[axis.name] for axis in axes}
    errors = {axis.name: costs[axis.name].spread if axis.name in costs else row.get(axis.name + ERROR) for axis in axes}
    return {
        "number": int(row["number"]),
        "label": fmt.text(row["label"]),
        "baseline": not fmt.missing(row["baseline"]),
        "settings": {name: fmt.setting(row[column]) for name, column in SETTINGS if not fmt.missing(row[column])},
        "values": [_number(values[axis.name], axis) for axis in axes],
        "errors": [_number(errors[axis.name], axis) for axis in axes],
        "about": about_trial(f, row, axes),
        "run": fmt.text(row["run_id"]),
        "link": f.runs.link(row["run_id"]),
    }


def about_trial(f: Findings, row: dict[Any, Any], axes: tuple[Axis, ...]) -> list[str]:
    """What a reader sees of a trial that is pointed at: every key that tells it from others, its figures with their
    errors and marks, and how probably it is near the best and on the front."""
    number, first = int(row["number"]), {"score", *own_costs(f.runs.info.objectives)}
    figures = {axis: _figure(axis, row) for axis in axes}
    said = {axis.name: f"{TITLES.get(axis.name, axis.title)} {text}" for axis, text in figures.items()}
    known = [axis.name for axis, text in figures.items() if text != fmt.MISSING]
    probabilities = [f"{what[0].lower()}{what[1:]}: {text}" for what, text in f.probabilities(number).items()]
    return [
        f"{number}: {fmt.text(row['label'])}",
        *_in_lines([f"{name} {value}" for name, value in chosen_values(f.runs, number)]),
        *(said[name] for name in known if name in first),
        *_in_lines(probabilities),
        *_in_lines([said[name] for name in known if name not in first]),
    ]


def _in_lines(parts: list[str]) -> list[str]:
    return [" · ".join(parts[place : place + ABREAST]) for place in range(0, len(parts), ABREAST)]


def _figure(axis: Axis, row: dict[Any, Any]) -> str:
    if axis.name in COSTS:
        return cost_of_trial(axis.name, row).text
    error = row.get(axis.name + ERROR)
    return fmt.number(row[axis.name]) if fmt.missing(error) else fmt.with_se(row[axis.name], error)


def _number(value: Any, axis: Axis) -> float | None:
    return None if fmt.missing(value) else shorten(float(value * axis.scale))


def _filters(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The settings in which the trials differ, each with its values; a trial without one has the value of a dash."""
    choices = {name: sorted({trial["settings"].get(name, fmt.MISSING) for trial in trials}) for name, _ in SETTINGS}
    return [{"name": name, "values": values} for name, values in choices.items() if len(values) > 1]
