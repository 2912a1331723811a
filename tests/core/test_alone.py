"""A cost is shown as it was measured alone, and where it was not, or on a busy machine, with a mark."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from study.core.alone import BUSY, HOW, LOADED, MEANING, cost_of_trial, meanings, with_alone
from study.core.figures import ALONE, COSTS, FIGURES

SEARCHED = {"latency/ms": 32.0, "time/train_seconds": 64.6, "memory/train_bytes": 2.0**20, "pack/members": 3.0}
QUIET = {"alone/latency_ms": 24.0, "alone/latency_ms_iqr": 0.5, "alone/others": 0.02}


def test_every_measured_cost_has_a_figure_of_the_same_unit_and_direction_that_is_no_objective() -> None:
    assert set(ALONE) == {"latency/ms", "time/train_seconds", "speed/tokens_per_second", "memory/peak_bytes"}
    for name, other in ALONE.items():
        assert name in COSTS
        assert FIGURES[other].barred
        assert (FIGURES[other].unit, FIGURES[other].direction) == (FIGURES[name].unit, FIGURES[name].direction)


def test_what_was_measured_alone_is_shown_with_half_its_range() -> None:
    assert cost_of_trial("latency/ms", {**SEARCHED, **QUIET}).text == "24.00 ± 0.25 ms"
    assert cost_of_trial("latency/ms", pd.Series({**SEARCHED, **QUIET, "label": "r8"})).value == 24.0


def test_what_was_measured_beside_other_trainings_or_nobody_knows_how_is_marked_and_what_is_counted_is_not() -> None:
    assert cost_of_trial("latency/ms", SEARCHED).text == f"32.00 ms{LOADED}"
    assert cost_of_trial("time/train_seconds", {**SEARCHED, **QUIET}).text == f"64.6 s{LOADED}"
    assert cost_of_trial("memory/train_bytes", SEARCHED).text == "1.0 MiB"
    assert cost_of_trial("latency/ms", {"latency/ms": 32.0}).mark == LOADED


@pytest.mark.parametrize(("members", "workers", "mark"), [(1, 1, ""), (1, 2, LOADED), (4 / 3, 1, LOADED)])
def test_a_search_of_one_worker_and_packs_of_one_measures_alone_anyway(members: float, workers: int, mark: str) -> None:
    figures = {"latency/ms": 32.0, "pack/members": members, "pack/workers": workers}
    assert cost_of_trial("latency/ms", figures).text == f"32.00 ms{mark}"


@pytest.mark.parametrize(
    ("others", "spread", "mark"), [(0.25, 4.8, ""), (0.26, 0.5, BUSY), (0.0, 4.9, BUSY), (math.nan, 0.5, "")]
)
def test_a_busy_machine_is_known_by_what_others_take_or_by_repeats_that_differ(
    others: float, spread: float, mark: str
) -> None:
    figures = {"alone/latency_ms": 24.0, "alone/latency_ms_iqr": spread, "alone/others": others}
    assert cost_of_trial("latency/ms", figures).mark == mark


@pytest.mark.parametrize("figures", [{}, {"latency/ms": math.nan}, {"alone/latency_ms": None}])
def test_a_cost_that_nobody_knows_has_no_mark(figures: dict[str, float]) -> None:
    assert cost_of_trial("latency/ms", figures).text == "–"


def test_decisions_take_the_figures_measured_alone_where_there_are_any() -> None:
    decided = with_alone({**SEARCHED, **QUIET, "alone/train_seconds": math.nan})
    assert (decided["latency/ms"], decided["time/train_seconds"]) == (24.0, 64.6)
    assert "memory/peak_bytes" not in decided


def test_each_mark_is_explained_once_and_the_range_where_one_is_shown() -> None:
    cells = ["0.9123 ± 0.0041", "24.00 ms", f"32.00 ms{LOADED}", f"33.00 ms{LOADED}"]
    assert meanings(cells) == (MEANING[LOADED],)
    assert meanings([f"24.00 ± 0.25 ms{BUSY}"]) == (HOW, MEANING[BUSY])
    assert meanings(["0.9123 ± 0.0041", "0.9 ± –", "r8"]) == ()
