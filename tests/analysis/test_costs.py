"""Where time and memory went: bars that add up to what was recorded."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from analysis.interactive import to_plotly
from analysis.plots_costs import MOST, memory_parts, memory_parts_plot, time_plot
from analysis.points import points_grid
from analysis.runs import StudyRuns, fold_frame, trial_frame
from analysis.study_info import StudyInfo

MB = 2**20
END = pd.Timestamp(30, unit="s", tz="UTC")  # the start is at 0
# number, state, baseline, seconds, trained, whole memory
ROWS = [
    (0, "complete", "head", 2.0, 1000, 50 * MB),
    (1, "complete", None, 9.0, 2000, 70 * MB),
    (2, "complete", None, 8.0, 3000, 60 * MB),
    (3, "pruned", None, 1.0, 3000, 60 * MB),
]


def runs_of(rows=ROWS, precision="float32", ended=END) -> StudyRuns:
    table = [
        {
            "number": number, "label": f"it {number}", "state": state, "baseline": baseline, "score": 0.5,
            "time/train_seconds": seconds, "params/trainable": trained, "params/total": 10_000_000,
            "memory/train_bytes": whole, "memory/peak_bytes": 900 * MB, "score/fold_0": 0.5, "score/fold_1": 0.5,
        }
        for number, state, baseline, seconds, trained, whole in rows
    ]  # fmt: skip
    start, frame = pd.Timestamp(0, tz="UTC"), trial_frame(table)
    info = replace(StudyInfo("1", "FINISHED", start, {"model.precision": precision}, {}), ended=ended)
    return StudyRuns("demo", info, frame, fold_frame(frame), {})


def test_time_is_told_by_trial_and_by_phase_and_in_all_by_what_it_was_spent_on():
    runs = runs_of()
    phases = {"time/score_seconds": [4.0, 1.0, 1.0, 1.0], "time/prepare_seconds": [4.0, 0.5, None, 1.0]}
    plot = time_plot(replace(runs, trials=runs.trials.assign(**phases)), [1])
    assert {s.name: (s.y, s.base) for s in plot.series} == {
        "training": ((9.0, 2.0, 8.0, 1.0), (0.0, 0.0, 0.0, 0.0)),
        "scoring": ((1.0, 4.0, 1.0, 1.0), (9.0, 2.0, 8.0, 1.0)),
        "preparing": ((0.5, 4.0, 0.0, 1.0), (10.0, 6.0, 9.0, 2.0)),
    }
    assert plot.ticks == ((0, "1"), (1, "0"), (2, "2"), (3, "3"))
    assert plot.caption.startswith(
        "Trainings took 20.0 s in all: front 9.0 s, baselines 2.0 s, other trials 8.0 s, stopped trials 1.0 s. "
        "Beside them stand scoring 7.0 s and preparing 5.5 s: held-out answers, and what comes before a first step."
    )
    assert "From its first command's start to its last one's end, pauses included, 30.0 s went by." in plot.caption
    assert plot.series[0].hover[0] == "it 1\ntraining 9.0 s, scoring 1.0 s, preparing 0.50 s in 2 folds (front)"
    assert points_grid(plot).headings == ("Series", "Trial", "time (s)", "Configuration")
    assert points_grid(plot).rows[0][:3] == ("training", "1", "9.0000")


def test_a_study_that_recorded_no_phases_shows_its_trainings_alone():
    plot = time_plot(runs_of(), [1])
    assert [(s.name, s.y) for s in plot.series] == [("training", (9.0, 8.0, 2.0, 1.0))]
    assert "Beside them" not in plot.caption


def test_a_study_that_has_not_ended_has_no_time_from_start_to_end():
    assert "From its start" not in time_plot(runs_of(ended=None), [1]).caption


def test_the_many_that_took_less_are_counted_and_a_repeat_took_nothing():
    many = [(n, "complete", None, float(n + 1), 1000, MB) for n in range(MOST + 5)]
    runs = runs_of(many)
    repeated = runs.trials.assign(duplicate_of=[None] * (MOST + 4) + ["0"])
    plot = time_plot(replace(runs, trials=repeated), [])
    assert sum(len(s.x) for s in plot.series) == MOST
    assert "4 trials that took less are not drawn." in plot.caption
    assert plot.ticks[0] == (0, str(MOST + 3))


def test_memory_is_weights_optimizer_and_a_step_and_they_add_up():
    plot = memory_parts_plot(runs_of(), [0, 1])
    assert [s.name for s in plot.series] == ["weights", "optimizer state", "a step's activations and gradients"]
    assert plot.ticks == ((0, "1"), (1, "0"))
    weights, moments, step = plot.series
    assert weights.y == pytest.approx((4e7 / MB, 4e7 / MB))
    assert moments.y == pytest.approx((8 * 2000 / MB, 8 * 1000 / MB))
    assert [sum(parts) for parts in zip(weights.y, moments.y, step.y, strict=True)] == pytest.approx([70, 50])
    assert (weights.base, moments.base) == ((0, 0), weights.y)
    assert [base + y for base, y in zip(step.base, step.y, strict=True)] == pytest.approx([70, 50])
    assert "observed of the whole process: 900.0 MiB" in weights.hover[0]
    drawn = to_plotly(plot)
    assert (drawn.layout.barmode, drawn.data[1].base) == ("overlay", weights.y)


def test_frozen_weights_are_as_wide_as_their_precision_and_what_trains_is_float32():
    row = {"params/total": 1000.0, "params/trainable": 100.0, "memory/train_bytes": 5000.0, "kind": "lora"}
    assert memory_parts(row, "bfloat16") == (2200, 800, 2000)
    assert memory_parts(row, "float32") == (4000, 800, 200)


@pytest.mark.parametrize("precision", ["", "bfloat16"])
def test_where_the_parts_are_not_known_the_bar_is_whole(precision):
    row = {"params/total": 1000.0, "params/trainable": 100.0, "memory/train_bytes": 5000.0, "kind": "full"}
    assert memory_parts(row, precision) is None
    small = [(n, "complete", None, 1.0, 1000, MB) for n in range(2)]  # less than the weights alone would take
    (whole,) = memory_parts_plot(runs_of(small), [0, 1]).series
    assert (whole.name, whole.y) == ("in all", (1, 1))
