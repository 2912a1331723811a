"""Effects of a recorded study: its settings are read, its plots hold the numbers, and they are drawn."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.brief import markdown_of
from analysis.bundle import as_json
from analysis.effect_table import effect_rows
from analysis.effects import effects_of
from analysis.findings import findings_of
from analysis.interactive import drawing_of, to_plotly
from analysis.maps import Map, maps_of
from analysis.page import page_of
from analysis.plots_effects import effect_plots
from analysis.plots_progress import progress_plot
from analysis.points import in_words, points_grid
from analysis.printed import inline_svg, save
from analysis.runs import StudyRuns, fold_frame, trial_frame
from analysis.settings import recorded_setting, setting_frame
from analysis.study_info import StudyInfo
from analysis.view import view_of

NAME = "<i>$x$</i>"
SWEEPS = {"method.rank": "choice(1,2,4,8)", "method.lam": "tag(log, interval(0.1, 1000))",
          "method.layers": "choice(top-half, all)"}  # fmt: skip


@pytest.fixture
def runs():
    """Forty trials whose score depends on λ and, a little, on layers; the first is a baseline."""
    return study_of(np.random.default_rng(3), 41)


def study_of(rng, count, directions=("maximize", "minimize"), name="accuracy"):
    rows, settings = [], []
    for number in range(count):
        rank, lam, layers = (
            int(rng.choice([1, 2, 4, 8])),
            10 ** rng.uniform(-1, 3),
            str(rng.choice(["all", "top-half"])),
        )
        score = 0.8 - 0.02 * (np.log10(lam) - 1) ** 2 + 0.01 * (layers == "all")
        sign = 1 if directions[0] == "maximize" else -1
        folds = sign * (score + rng.normal(0, 0.004, 3))
        figures = {f"score/fold_{i}": fold for i, fold in enumerate(folds)} | {"score": folds.mean(), "score_se": 0.002}
        row = {
            "number": number,
            "label": f"r{rank}",
            "state": "complete",
            "run_id": f"run{number}",
            "kind": "lora",
            "params/trainable": 1e3 * rank,
            "memory/train_bytes": 2.0**20 * rank,
        }
        row |= {"rank": rank, "lam": lam, "targets": "qv", "layers": layers}
        rows.append(row | figures | {"baseline": "head" if number == 0 else None})
        params = {"method.rank": str(rank), "method.lam": str(lam), "method.layers": layers}
        settings.append((number, params))
    trials = trial_frame(rows)
    params = {"objectives": '["score", "params/trainable"]', "space": pd.Series(SWEEPS).to_json()}
    tags = {"directions": pd.Series(directions).to_json(orient="values"), "metric": name}
    info = StudyInfo("1", "FINISHED", pd.Timestamp(0, tz="UTC"), params, tags)
    return StudyRuns("demo", info, trials, fold_frame(trials), {}, setting_frame(settings, tuple(SWEEPS)))


@pytest.mark.parametrize(
    ("params", "key", "value"),
    [
        ({"method.rank": "8"}, "method.rank", "8"),
        ({"method.rank": "attention:8,ffn:2"}, "method.rank.ffn", "2"),
        ({"method.rank": "(?:q|v):8,ffn:2"}, "method.rank.(?:q|v)", "8"),
        ({"method.rank": "8"}, "method.rank.ffn", None),
        ({"method.lam": "None"}, "method.lam", None),
        ({"method.lambda": "10.0"}, "method.lam", "10.0"),
        ({"method.kind": "head", "method.rank": "8"}, "method.rank", None),
        ({"method.kind": "full", "train.lr": "0.1"}, "train.lr", "0.1"),
        ({}, "train.lr", None),
    ],
)
def test_a_setting_is_what_the_run_recorded_where_its_method_has_the_key(params, key, value):
    assert recorded_setting(params, key) == value


def test_the_newest_run_of_a_number_counts():
    frame = setting_frame([(1, {"a": "new"}), (0, {"a": "x"}), (1, {"a": "old"})], ("a",))
    assert frame["a"].to_dict() == {0: "x", 1: "new"}


def test_the_baseline_was_not_searched_and_knobs_are_on_their_scales(runs):
    effects = effects_of(runs)
    assert effects.trials["number"].tolist() == list(range(1, 41))
    assert [(knob.key, knob.log) for knob in effects.knobs] == [
        ("method.rank", True), ("method.lam", True), ("method.layers", False)
    ]  # fmt: skip
    assert effects.knobs[2].levels == ("top-half", "all")


def test_a_trial_that_was_stopped_counts_with_the_folds_it_has(runs):
    trials = runs.trials.copy()
    trials.loc[1:20, ["state", "score/fold_1", "score/fold_2", "score"]] = ["pruned", np.nan, np.nan, np.nan]
    trials.loc[40, ["state", "score/fold_0", "score/fold_1", "score/fold_2", "score"]] = ["pruned", *[np.nan] * 4]
    effects = effects_of(replace(runs, trials=trials))
    assert effects.trials["number"].tolist() == list(range(1, 40))
    assert effects.surface.importances["method.lam"].low > 0.5
    assert len(effect_plots(effects, "accuracy")[2].series[0].x) == 19


def test_a_curve_has_its_band_on_the_scores_own_scale_over_the_trials(runs):
    plots = {plot.name: plot for plot in effect_plots(effects_of(runs), "accuracy")}
    assert list(plots) == ["importances", "effect_method-rank", "effect_method-lam", "effect_method-layers"]
    trials, curve = plots["effect_method-lam"].series
    assert len(trials.x) == 40
    assert sorted(trials.y) == sorted(runs.trials["score"][1:])
    low, high = (np.array(end) for end in curve.band)
    assert ((low < curve.y) & (curve.y < high)).all()
    assert abs(np.log10(curve.x[int(np.argmax(curve.y))]) - 1) < 0.35
    assert max(curve.y) == pytest.approx(0.805, abs=0.005)
    assert plots["effect_method-lam"].log_x


def test_choices_are_points_with_intervals_at_named_places(runs):
    plot = effect_plots(effects_of(runs), "accuracy")[-1]
    assert plot.ticks == ((0.0, "top-half"), (1.0, "all"))
    trials, averages = plot.series
    assert averages.x == (0.0, 1.0)
    assert averages.y[1] - averages.y[0] == pytest.approx(0.01, abs=0.004)
    assert all(0 < half < 0.01 for half in averages.errors)
    assert {round(x + 0.25) for x in trials.x} == {0, 1}


def test_a_score_that_is_minimized_is_drawn_as_it_is():
    plots = effect_plots(effects_of(study_of(np.random.default_rng(3), 41, ("minimize", "minimize"))), "loss")
    curve = plots[2].series[1]
    assert abs(np.log10(curve.x[int(np.argmin(curve.y))]) - 1) < 0.35
    assert all(low < y < high for low, y, high in zip(curve.band[0], curve.y, curve.band[1], strict=True))
    assert min(curve.y) < 0


def test_the_largest_importance_stands_first_and_what_nothing_explains_last(runs):
    plot = effect_plots(effects_of(runs), "accuracy")[0]
    assert [name for _, name in plot.ticks][::3] == ["λ", "none of them"]
    (shares,) = plot.series
    assert sum(shares.y) == pytest.approx(100)
    assert shares.y[0] > 70


def test_the_table_says_where_the_best_may_lie_and_by_how_much(runs):
    rows = effect_rows(effects_of(runs))
    assert rows[0]["Searched"] == "λ"
    low, high = (float(end) for end in rows[0]["Where the best may lie"].split(" to "))
    assert low < 10 < high < 60
    (layers,) = [row for row in rows if row["Searched"] == "layers"]
    assert (layers["Best at"], layers["Worst at"]) == ("all", "top-half")
    assert layers["Where the best may lie"] == "all (100%)"
    gap, _, error = layers["Better than at its worst by"].partition(" ± ")
    assert abs(float(gap) - 0.01) < 3 * float(error)


def test_page_and_markdown_hold_the_table_the_figures_and_the_lambda_cloud_no_more(runs):
    findings = findings_of(runs)
    page, markdown = page_of(view_of(findings)), markdown_of(view_of(findings))
    for name in ("importances", "effect_method-lam", "map_method-rank_method-lam", "hypervolume", "front"):
        assert page.count(f'id="figure-{name}"') == 1
    assert 'id="figure-lambda"' not in page
    assert "## What each choice does" in markdown
    assert "| λ | " in markdown
    assert {plot.name for plot in findings.figures} >= {
        "front",
        "importances",
        "hypervolume",
    }


def test_rank_is_mapped_with_lambda_and_with_layers(runs):
    maps = maps_of(effects_of(runs), "accuracy")
    assert [plot.name for plot in maps] == ["map_method-rank_method-lam", "map_method-rank_method-layers"]
    by_lam, by_layers = maps
    assert np.shape(by_lam.cells) == (25, 4)
    assert [name for _, name in by_lam.x_ticks] == ["1", "2", "4", "8"]
    assert "10" in [name for _, name in by_lam.y_ticks]
    assert by_layers.y_ticks == ((0.0, "top-half"), (1.0, "all"))
    assert len(by_lam.points) == 40
    assert np.max(by_lam.cells) == pytest.approx(0.805, abs=0.01)


def test_too_few_trials_or_no_recorded_space_have_no_effects(runs):
    few = study_of(np.random.default_rng(0), 6)
    bare = StudyRuns("demo", runs.info, runs.trials, runs.folds, {})
    for effects in (effects_of(few), effects_of(bare)):
        assert effects.surface is None
        assert (effect_plots(effects, "accuracy"), maps_of(effects, "accuracy"), effect_rows(effects)) == ((), (), ())


def test_every_plot_is_drawn_twice_and_names_stay_text(tmp_path):
    runs = study_of(np.random.default_rng(3), 41, name=NAME)
    effects = effects_of(runs)
    plots = (*effect_plots(effects, NAME), *maps_of(effects, NAME))
    for plot in plots:
        assert NAME not in to_plotly(plot).to_json()
        save(plot, tmp_path, ("svg",))
        assert (tmp_path / f"{plot.name}.svg").stat().st_size > 1000
    curve, shown = to_plotly(plots[2]), to_plotly(plots[-1])
    assert [trace.fill for trace in curve.data] == [None, "toself", None]
    assert list(curve.data[2].y) == list(plots[2].series[1].y)
    assert len(shown.layout.shapes) == 8
    assert len({shape.fillcolor for shape in shown.layout.shapes}) > 4
    assert len(shown.data[1].x) == 40
    with pytest.raises(TypeError, match="is no plot"):
        to_plotly("front")


def test_a_map_without_cells_is_empty():
    assert Map("m", "", "", "", "", (), (), (), (), ()).empty


def progress_of(runs, objectives=None, directions=None):
    objectives, directions = objectives or runs.info.objectives, directions or runs.info.directions
    return progress_plot(runs.compared, objectives, directions, NAME)


@pytest.mark.parametrize("more", [(), ("memory/train_bytes",), ("memory/train_bytes", "latency/ms")])
def test_the_hypervolume_of_any_number_of_objectives_grows_to_the_final_fronts(runs, more):
    latency = np.random.default_rng(1).uniform(5, 500, len(runs.trials))
    runs = replace(runs, trials=runs.trials.assign(**{"latency/ms": latency}))
    plot = progress_of(runs, (*runs.info.objectives, *more), (*runs.info.directions, *["minimize"] * len(more)))
    (line,) = plot.series
    assert line.x == tuple(range(41))
    assert all(later >= earlier for earlier, later in zip(line.y, line.y[1:], strict=False))
    assert (line.y[0] < 90, line.y[-1]) == (True, 100)


@pytest.mark.parametrize(("direction", "best"), [("maximize", np.maximum), ("minimize", np.minimum)])
def test_of_one_objective_the_best_so_far_is_drawn(runs, direction, best):
    plot = progress_of(runs, ("score",), (direction,))
    (line,) = plot.series
    assert list(line.y) == best.accumulate(runs.compared["score"].to_numpy()).tolist()
    assert (plot.title, plot.y_title) == (f"Best {NAME} over trials", NAME)


@pytest.mark.parametrize("objectives", [("score", "params/trainable"), ("score",)])
def test_the_progress_of_few_trials_is_not_drawn(objectives):
    assert progress_of(study_of(np.random.default_rng(3), 4), objectives).empty


def test_a_final_front_that_dominates_no_area_has_no_hypervolume():
    runs = study_of(np.random.default_rng(3), 41)
    # The cheapest scores least and the best costs most, as all others do.
    worst = runs.trials.assign(score=0.5, **{"params/trainable": 900.0})
    worst.loc[0, "params/trainable"], worst.loc[40, "score"] = 100.0, 0.9
    assert progress_of(replace(runs, trials=worst)).empty


def spoil(figure, number):
    """The figure with `number` as the first of each of its numbers."""
    if isinstance(figure, Map):
        return replace(figure, cells=((number, *figure.cells[0][1:]), *figure.cells[1:]))
    names = ("x", "y", "errors", "base")
    parts = [{name: (number, *part[1:]) for name in names if (part := getattr(s, name))} for s in figure.series]
    bands = [tuple((number, *end[1:]) for end in s.band) if s.band else None for s in figure.series]
    series = [replace(s, band=band, **part) for s, part, band in zip(figure.series, parts, bands, strict=True)]
    return replace(figure, series=tuple(series))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of matplotlib, at an infinite place
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_missing_number_is_missing_in_every_figure_and_takes_nothing_else_with_it(runs, number):
    figures = findings_of(runs).figures
    assert {"front", "importances", "hypervolume"} < {figure.name for figure in figures}
    assert any(isinstance(figure, Map) for figure in figures)
    for figure in (spoil(figure, number) for figure in figures if not figure.empty):
        assert json.loads(as_json(drawing_of(figure)))["data"]
        assert inline_svg(figure).startswith("<svg")
        assert not {"nan", "inf"} & set(re.findall("[a-z]+", in_words(figure)))
        assert "nan" not in {cell for row in points_grid(figure).rows for cell in row}
