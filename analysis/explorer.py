"""The front with any two figures on its axes, as data that a script draws and a test reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from analysis.axes import TITLES, Axis, axes_of, better_is_higher, shorten
from analysis.budget_words import judged_note, limit_text, sentence
from analysis.chosen import chosen_values
from analysis.costs import with_costs_alone
from analysis.findings import Findings
from analysis.infeasible import broken_text, infeasible_baselines
from study.core import formatting as fmt
from study.core.alone import cost_of_trial
from study.core.figures import COSTS, ERROR, MAXIMIZE, MINIMIZE, costs_of
from study.core.pareto import pareto_front

ROOM = 500  # trials that a page has room for
SETTINGS = (("method", "kind"), ("layers", "layers"), ("targets", "targets"))  # by which trials are shown, by column


def explorer_of(f: Findings, levels: Mapping[str, float]) -> dict[str, Any]:
    """Axes, trials with their values along them, filters, and for each cost what each budget buys; plain JSON.

    Of a trial, `values`, `errors` and `texts` are parallel to `axes`, `chosen` to `keys`, `sure` to `probabilities` and
    `settings` to the names of SETTINGS, None where there is none; a list without anything is empty. `levels` are scores
    that need no training. Baselines that break a constraint are shown, and bought by no budget. Of many trials those
    stay that are on a front or that some budget buys, and the best of the others.
    """
    axes = axes_of(f.compared, f.runs.info.objectives, f.runs.info.metric)
    costs = [axis for axis in axes if axis.name in COSTS]
    shown = _with_room(f, costs)
    drawn = pd.concat([shown, infeasible_baselines(f.runs)])
    chosen = {int(number): dict(chosen_values(f.runs, int(number))) for number in drawn["number"]}
    keys = list(dict.fromkeys(name for values in chosen.values() for name in values))
    trials = [_trial(f, row, axes, map(chosen[row["number"]].get, keys)) for row in drawn.to_dict("records")]
    return {
        "axes": [_axis(f, axis) for axis in axes],
        "keys": keys,
        "probabilities": [*f.probabilities(-1)],
        "x": costs[0].name if costs else None,
        "y": next((axis.name for axis in axes if axis.name == "score"), None),
        "recommended": f.recommended,
        "mark": f.mark[0] if f.mark else "",
        "levels": [{"name": name, "value": value} for name, value in levels.items()],
        "filters": _filters(trials),
        "budgets": {axis.name: _budgets(f, axis) for axis in costs if axis.name in f.budgets},
        "settings": [name for name, _ in SETTINGS],
        "baselines": [int(number) for number in drawn.loc[drawn["baseline"].notna(), "number"]],
        "trials": trials,
        "left_out": len(f.compared) - len(shown),
        "runs": f.runs.link(""),  # where each trial's run fits in
        "ui": f.runs.ui,
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


def _axis(f: Findings, axis: Axis) -> dict[str, Any]:
    """An axis; `short` is what it is called beside a number, which has its own mark of how it was measured, and `first`
    says whether the study trades by it."""
    up = f.runs.info.higher_is_better if axis.name == "score" else better_is_higher(axis)
    first = axis.name in ("score", *costs_of(f.runs.info.objectives))
    short = TITLES.get(axis.name, axis.title)
    return {"name": axis.name, "title": axis.title, "short": short, "unit": axis.unit, "up": up, "log": axis.log,
            "first": first}  # fmt: skip


def _trial(f: Findings, row: dict[Any, Any], axes: tuple[Axis, ...], chosen: Iterable[str | None]) -> dict[str, Any]:
    costs = {axis.name: cost_of_trial(axis.name, row) for axis in axes if axis.name in COSTS}
    values = {axis.name: costs[axis.name].value if axis.name in costs else row[axis.name] for axis in axes}
    errors = {axis.name: costs[axis.name].spread if axis.name in costs else row.get(axis.name + ERROR) for axis in axes}
    return {
        "number": int(row["number"]),
        "label": fmt.text(row["label"]),
        "settings": [fmt.MISSING if fmt.missing(row[key]) else fmt.setting(row[key]) for _, key in SETTINGS],
        "values": [_number(values[axis.name], axis) for axis in axes],
        "errors": [_number(errors[axis.name], axis) for axis in axes],
        "texts": [_text(axis, row) for axis in axes],
        "chosen": [*chosen],
        "sure": [text for text in f.probabilities(int(row["number"])).values() if text != fmt.MISSING],
        "run": fmt.text(row["run_id"]),
        **({"infeasible": broken} if (broken := broken_text(row)) else {}),
    }


def _text(axis: Axis, row: dict[Any, Any]) -> str | None:
    """A trial's figure with its error and its mark."""
    if axis.name in COSTS:
        text = cost_of_trial(axis.name, row).text
    else:
        error = row.get(axis.name + ERROR)
        text = fmt.number(row[axis.name]) if fmt.missing(error) else fmt.with_se(row[axis.name], error)
    return None if text == fmt.MISSING else text


def _number(value: Any, axis: Axis) -> float | None:
    return None if fmt.missing(value) else shorten(float(value * axis.scale))


def _filters(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The settings in which the trials differ, each with its values; a trial without one has the value of a dash."""
    choices = {name: sorted({trial["settings"][i] for trial in trials}) for i, (name, _) in enumerate(SETTINGS)}
    return [{"name": name, "values": values} for name, values in choices.items() if len(values) > 1]
