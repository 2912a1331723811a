"""The plots of every study: first of all the front, score against the study's own cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import nan

import pandas as pd

from analysis.axes import Axis, axis_of, better_is_higher, with_unit
from analysis.costs import with_costs_alone
from analysis.plots import Plot, Series, lambda_plot, memory_plot, rank_plot, series_of, thin_out
from analysis.study_info import StudyInfo
from study.core import formatting as fmt
from study.core.figures import MAXIMIZE, MINIMIZE, costs_of
from study.core.pareto import pareto_front

BEYOND = 1.2
PLACE = "place on the axis"
FRONT = "the front"


def all_plots(
    compared: pd.DataFrame,
    on_front: pd.Series,
    info: StudyInfo,
    levels: Mapping[str, float] | None = None,
    mark: tuple[str, int] | None = None,
) -> tuple[Plot, ...]:
    """The report's plots, in its order; `levels` are scores that need no training, the `mark` is put on a trial.

    Of a study that does not trade the score for one cost alone, the first has the front of these two, not `on_front`.
    """
    metric, cost = info.metric, axis_of(costs_of(info.objectives)[0], compared, info.metric)
    up = MAXIMIZE if info.higher_is_better else MINIMIZE
    unbeaten = pareto_front(with_costs_alone(compared), (cost.name, "score"), (cost.direction, up))
    joined = FRONT if unbeaten.equals(on_front) else "what no other beats in both of these figures"
    return (
        front_plot(compared, unbeaten, cost, metric, levels or {}, mark, joined),
        rank_plot(compared, metric),
        lambda_plot(compared, metric),
        memory_plot(compared, metric),
    )


def front_plot(
    compared: pd.DataFrame,
    on_front: pd.Series,
    cost: Axis,
    metric: str,
    levels: Mapping[str, float] | None = None,
    mark: tuple[str, int] | None = None,
    joined: str = FRONT,
) -> Plot:
    """Score ± SE against a cost; what is `joined` is a line, baselines diamonds, levels dashes, a star the `mark`."""
    placed = compared.assign(**{PLACE: with_costs_alone(compared).reindex(columns=[cost.name])[cost.name] * cost.scale})
    baseline, name, number = placed["baseline"].notna(), *(mark or ("", -1))
    others, note = thin_out(placed[~on_front & ~baseline], PLACE, log_x=cost.log)
    front = series_of("front", placed[on_front].sort_values(PLACE), PLACE, "circle", line=True, color=1)
    series = (
        series_of("other trials", others, PLACE, "circle", color=0),
        replace(front, early=better_is_higher(cost)),
        series_of("baselines", placed[baseline], PLACE, "diamond", color=2),
        replace(series_of(name, placed[placed["number"] == number], PLACE, "star", color=2), mark=True),
    )
    near, far = _near(levels or {}, compared)
    dashed = _levels(near, placed[PLACE].dropna())
    caption = " ".join([
        f"Further {'right' if better_is_higher(cost) else 'left'} is cheaper; the line joins {joined}.",
        "Bars are one standard error over folds. Diamonds are baselines.",
        *([f"Star: {name}."] if mark else []),
        *(["Dashed: no training."] if dashed else []),
    ])  # fmt: skip
    if far:
        note += f" Too far off to be drawn: {', '.join(f'{each} {fmt.number(level)}' for each, level in far.items())}."
    title = f"Score against {cost.title}"
    return Plot("front", title, caption + note, with_unit(cost), metric, (*series, *dashed), cost.log)


def _near(levels: Mapping[str, float], compared: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    """The levels that leave the scores most of the plot's height, and those that would press them together."""
    errors = compared["score_se"].fillna(0)
    low, high = (compared["score"] - errors).min(), (compared["score"] + errors).max()
    span = (high - low) or abs(high)
    near = {name: level for name, level in levels.items() if not level < low - span and not level > high + span}
    return near, {name: level for name, level in levels.items() if name not in near}


def _levels(levels: Mapping[str, float], along: pd.Series) -> tuple[Series, ...]:
    """A dashed line at each level, a little longer than what is drawn is wide: it may be a single point."""
    if along.empty:
        return ()
    ends, unknown = (float(along.min()) / BEYOND, float(along.max()) * BEYOND), (nan, nan)
    return tuple(
        Series(
            name, ends, (level, level), unknown, (f"{name}: {fmt.number(level)}",) * 2, "circle", color=i, dashed=True
        )
        for i, (name, level) in enumerate(levels.items(), 3)
    )
