"""A plot draws what can be seen apart, and says what it leaves out."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.axes import axis_of
from analysis.interactive import to_plotly
from analysis.plots import COLUMNS, DRAWN, ROWS, Plot, Series, lambda_plot, rank_plot, thin_out
from analysis.plots_front import all_plots, front_plot
from analysis.study_info import StudyInfo
from study.core.pareto import pareto_front


def many(count):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"number": range(count), "label": "r8", "baseline": None, "kind": "lora", "rank": 8.0})
    columns = ("score", "score_se", "params/trainable", "memory/train_bytes", "time/train_seconds")
    frame = frame.assign(
        rank_pattern=None,
        targets="qv",
        layers="all",
        lam=10 ** rng.uniform(-1, 3, count),
        **dict.fromkeys(columns, 1.0),
    )
    return frame.assign(**{"score": rng.normal(size=count), "params/trainable": 10 ** rng.uniform(3, 6, count)})


def test_few_points_are_all_drawn_and_nothing_is_said():
    frame = many(DRAWN)
    drawn, note = thin_out(frame, "lam", log_x=True)
    assert drawn is frame
    assert note == ""


def test_what_is_left_out_of_many_lies_on_what_is_drawn():
    frame = many(3 * DRAWN)
    drawn, note = thin_out(frame, "lam", log_x=True)
    assert len(drawn) < len(frame)
    assert f" {len(drawn):,} of 6,000 points are drawn" in note
    place = np.column_stack([np.log10(frame["lam"]), frame["score"]])
    place = (place - place.min(0)) / np.ptp(place, axis=0) * (COLUMNS, ROWS)  # in markers
    kept = place[drawn.index]
    for point in place[frame.index.difference(drawn.index)]:
        assert np.abs(kept - point).max(1).min() <= 1


def test_series_do_not_hide_one_another():
    twins = pd.concat([many(2 * DRAWN), many(2 * DRAWN).assign(kind="factorized")], ignore_index=True)
    one, other = lambda_plot(twins, "score").series
    assert one.x == other.x


@pytest.mark.parametrize(
    ("objectives", "joined"),
    [
        (("score", "params/trainable"), "the front"),
        (("score", "params/trainable", "latency/ms"), "what no other beats in both of these figures"),
        (("score",), "what no other beats in both of these figures"),
    ],
)
def test_the_line_of_the_front_never_falls_whatever_the_study_trades_by(objectives, joined):
    frame = many(40).assign(**{"latency/ms": np.random.default_rng(1).random(40)})
    info = StudyInfo(
        "1", "FINISHED", pd.Timestamp(0), {"objectives": json.dumps(objectives)},
        {"metric": "score", "directions": json.dumps(["maximize", "minimize", "minimize"][: len(objectives)])},
    )  # fmt: skip
    on_front = pareto_front(frame, info.objectives, info.directions)
    front, *_ = all_plots(frame, on_front, info)
    line = next(series for series in front.series if series.name == "front")
    assert len(line.y) > 2
    assert list(line.y) == sorted(line.y)
    assert f"the line joins {joined}." in front.caption


@pytest.mark.parametrize(
    ("cost", "early", "where"), [("params/trainable", False, "hv"), ("speed/tokens_per_second", True, "vh")]
)
def test_a_front_has_at_each_budget_the_score_of_what_is_within_it(cost, early, where):
    """Within a budget of speed is what is faster, which lies to its right."""
    frame = many(40).assign(**{"speed/tokens_per_second": np.random.default_rng(1).random(40)})
    directions = json.dumps(["maximize", "maximize" if early else "minimize"])
    info = StudyInfo(
        "1", "FINISHED", pd.Timestamp(0), {"objectives": json.dumps(["score", cost])},
        {"metric": "score", "directions": directions},
    )  # fmt: skip
    front, *_ = all_plots(frame, pareto_front(frame, info.objectives, info.directions), info)
    line = next(series for series in front.series if series.name == "front")
    assert (line.early, list(line.y)) == (early, sorted(line.y, reverse=early))
    assert [trace.line.shape for trace in to_plotly(front).data if trace.name == "front"] == [where]


def test_the_front_is_drawn_whole():
    frame = many(3 * DRAWN)
    on_front = frame.index.to_series() % 2 == 0
    plot = front_plot(frame, on_front, axis_of("params/trainable", frame, "score"), "score")
    sizes = {s.name: len(s.x) for s in plot.series}
    assert sizes["front"] == on_front.sum()
    assert 0 < sizes["other trials"] < (~on_front).sum()
    assert "points are drawn" in plot.caption


def test_equal_scores_are_one_row_of_points():
    frame = many(2 * DRAWN).assign(score=0.5)
    drawn, _ = thin_out(frame, "lam", log_x=True)
    assert len(drawn) == pytest.approx(COLUMNS, abs=2)


def test_trials_with_several_ranks_have_no_place_by_rank_and_are_counted():
    frame = many(4)
    frame.loc[2:, "rank"], frame.loc[2:, "rank_pattern"] = np.nan, "attention:8,ffn:2"
    plot = rank_plot(frame, "score")
    assert sum(len(s.x) for s in plot.series) == 2
    assert "2 trials with several ranks not drawn." in plot.caption
    assert "several ranks" not in rank_plot(many(4), "score").caption


@pytest.mark.parametrize(("level", "drawn"), [(0.79, True), (0.69, True), (0.3, False), (1.5, False)])
def test_a_level_far_from_the_scores_is_named_and_does_not_press_them_together(level, drawn):
    frame = many(2).assign(score=[0.8, 0.9], score_se=0.01)
    cost = axis_of("params/trainable", frame, "score")
    plot = front_plot(frame, pd.Series([True, True]), cost, "score", {"majority": level})
    assert [s.name for s in plot.series if s.dashed] == ["majority"] * drawn
    assert ("Too far off to be drawn: majority" in plot.caption) is not drawn


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ((60.0, 200.0, 700.0), ["100", "200", "500"]),
        ((0.004, 0.021), ["0.005", "0.01", "0.02"]),
        ((1000.0, 8000.0), ["1,000", "2,000", "5,000"]),
        ((0.9, 200.0), ["1", "2", "5", "10", "20", "50", "100", "200"]),
    ],
)
def test_the_ticks_of_a_narrow_logarithmic_axis_are_whole_numbers(values, written):
    series = Series("trials", values, (0.5,) * len(values), (0.0,) * len(values), ("",) * len(values), "circle")
    axis = to_plotly(Plot("lam", "λ", "", "λ", "score", (series,), True)).layout.xaxis
    assert list(axis.ticktext) == written
    assert [float(text.replace(",", "")) for text in axis.ticktext] == list(axis.tickvals)
    assert all(min(values) <= tick <= max(values) for tick in axis.tickvals)


@pytest.mark.parametrize("values", [(4.66, 4.69), (3.0,), (5.1, 25.5), (5.1, 25.6), (0.0, 8.0)])
def test_an_axis_by_ratio_has_two_round_numbers_at_least_and_is_plain_otherwise(values):
    series = Series("trials", values, (0.5,) * len(values), (0.0,) * len(values), ("",) * len(values), "circle")
    plot = Plot("lam", "λ", "", "λ", "score", (series,), True)
    axis = to_plotly(plot).layout.xaxis
    assert (axis.type == "log") is plot.by_ratio
    assert len(axis.tickvals) >= 2 if plot.by_ratio else axis.tickvals is None


def test_a_wide_logarithmic_axis_has_powers_of_ten():
    series = Series("trials", (0.1, 1000.0), (0.5, 0.5), (0.0, 0.0), ("", ""), "circle")
    assert to_plotly(Plot("lam", "λ", "", "λ", "score", (series,), True)).layout.xaxis.tickvals is None
