"""The front with any two figures on its axes, as data that a script draws and a test reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.axes import Axis, amount, axes_of, better_is_higher
from analysis.grid import Grid, grid_of
from analysis.infeasible import broken_text, infeasible_baselines
from analysis.runs import StudyRuns
from study.core import formatting as fmt
from study.core.figures import COSTS, ERROR

ROOM = 500  # trials that a page has room for
SETTINGS = (("method", "kind"), ("rank", "rank"), ("ranks", "rank_pattern"), ("λ", "lam"), ("targets", "targets"),
            ("layers", "layers"), ("residual", "residual"))  # what is shown of a configuration, by column  # fmt: skip
FILTERS = ("method", "layers", "targets")


def explorer_of(runs: StudyRuns, recommended: int | None, levels: Mapping[str, float]) -> dict[str, Any]:
    """Axes, trials with their values along them, filters, and for each cost what each budget buys; plain JSON.

    `values` and `errors` of a trial are parallel to `axes`, None where unknown; `levels` are scores that need no
    training. Baselines that break a constraint are shown, and bought by no budget. Of many trials those stay that some
    budget buys, and the best of the others.
    """
    compared = runs.compared
    axes = axes_of(compared, runs.info.objectives, runs.info.metric)
    score = next((axis for axis in axes if axis.name == "score"), None)
    costs = [axis for axis in axes if axis.name in COSTS]
    ladders = {axis.name: ladder(compared, axis, runs.info.higher_is_better) for axis in costs}
    drawn = _with_room(compared, {n for steps in ladders.values() for n in steps}, runs.info.higher_is_better)
    beside = infeasible_baselines(runs)
    trials = [_trial(row, axes, runs) for row in pd.concat([drawn, beside]).to_dict("records")]
    return {
        "axes": [_axis(axis, runs.info.higher_is_better) for axis in axes],
        "x": costs[0].name if costs else None,
        "y": score.name if score else None,
        "recommended": recommended,
        "levels": [{"name": name, "value": value} for name, value in levels.items()],
        "filters": _filters(trials),
        "ladders": ladders,
        "trials": trials,
        "left_out": len(compared) - len(drawn),
    }


def budgets_grid(runs: StudyRuns) -> Grid:
    """A row for each step of the first cost among the axes: from which budget on which configuration is best."""
    costs = [axis for axis in axes_of(runs.compared, runs.info.objectives, runs.info.metric) if axis.name in COSTS]
    if not costs:
        return Grid((), ())
    trials = runs.compared.set_index("number")
    steps = [trials.loc[n] for n in ladder(runs.compared, costs[0], runs.info.higher_is_better)]
    return grid_of([_budget_cells(row, costs[0]) for row in steps])


def _budget_cells(row: pd.Series, cost: Axis) -> dict[str, str]:
    least = f"{amount(row[cost.name] * cost.scale)} {cost.unit}".strip()
    return {
        f"Budget ({cost.title})": f"from {least}",
        "Best configuration": fmt.text(row["label"]),
        "Trial": str(row.name),
        "Score ± SE": fmt.with_se(row["score"], row["score_se"]),
    }


def ladder(compared: pd.DataFrame, cost: Axis, higher_is_better: bool) -> list[int]:
    """The trials that are best for some budget of `cost`, from the smallest budget on."""
    points = compared.dropna(subset=[cost.name, "score"])
    worse = points["score"] * (-1 if higher_is_better else 1)
    dearer = points[cost.name] * (-1 if better_is_higher(cost) else 1)
    order = pd.DataFrame({"worse": worse, "dearer": dearer, "number": points["number"]})
    order = order.sort_values(["dearer", "worse", "number"])
    best_before = order["worse"].cummin().shift(fill_value=float("inf"))
    return [int(number) for number in order.loc[order["worse"] < best_before, "number"]]


def _with_room(compared: pd.DataFrame, kept: set[int], higher_is_better: bool) -> pd.DataFrame:
    order = compared.sort_values("score", ascending=not higher_is_better)
    first = order["number"].isin(kept) | order["baseline"].notna()
    return pd.concat([order[first], order[~first]]).head(ROOM).sort_values("number")


def _axis(axis: Axis, higher_is_better: bool) -> dict[str, Any]:
    up = higher_is_better if axis.name == "score" else better_is_higher(axis)
    return {"name": axis.name, "title": axis.title, "unit": axis.unit, "up": up, "log": axis.log}


def _trial(row: dict[Any, Any], axes: tuple[Axis, ...], runs: StudyRuns) -> dict[str, Any]:
    settings = {name: row[column] for name, column in SETTINGS if not fmt.missing(row[column])}
    return {
        "number": int(row["number"]),
        "label": fmt.text(row["label"]),
        "baseline": not fmt.missing(row["baseline"]),
        "infeasible": broken_text(row),
        "settings": {name: fmt.setting(value) for name, value in settings.items()},
        "values": [_number(row[axis.name], axis) for axis in axes],
        "errors": [_number(row.get(axis.name + ERROR), axis) for axis in axes],
        "run": fmt.text(row["run_id"]),
        "link": runs.link(row["run_id"]),
    }


def _number(value: Any, axis: Axis) -> float | None:
    return None if fmt.missing(value) else float(f"{value * axis.scale:.7g}")


def _filters(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The settings in which the trials differ, each with its values; a trial without one has the value of a dash."""
    choices = {name: sorted({trial["settings"].get(name, fmt.MISSING) for trial in trials}) for name in FILTERS}
    return [{"name": name, "values": values} for name, values in choices.items() if len(values) > 1]
