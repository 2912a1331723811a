"""A short version of the replay: a trained grid is looked up as it was trained, and what is said of it is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks import calibration, grid_table, grids, replay, replay_curves, replay_tables, truths
from benchmarks.lookup import Grid
from benchmarks.lookup import replay as replayed
from benchmarks.outcomes import Outcome, Truth, outcome, truth_of

from study.core.metrics import accuracy, macro_f1

TASK = "topic"
PLAIN, RACING = (f"pruner={name}" for name in replay.PRUNERS)
RANDOM = ("sampler=random", "search.round=12")
SEEDS = range(2)
TABLES = [(task, seed) for task in grid_table.tasks() for seed in grid_table.seeds(task)]
COSTS = np.array([1.0, 10.0, 100.0, 100.0])
TRUTH = Truth(np.array([0.5, 0.8, 0.7, 0.805]), COSTS, 0.5, 0.01, worth=np.array([0.6, 0.75, 0.76, 0.775]))


@pytest.fixture(scope="module")
def grid() -> Grid:
    return Grid(grid_table.load(TASK))


@pytest.fixture(scope="module")
def studies(grid: Grid) -> dict[tuple[str, int], Outcome]:
    truth = truth_of(grid, truths.worth(TASK))
    return {(p, seed): outcome(grid, truth, *RANDOM, p, seed=seed) for p in (PLAIN, RACING) for seed in SEEDS}


def test_every_task_has_a_table_and_its_command_is_that_of_today() -> None:
    assert set(grid_table.tasks()) == set(grids.GRIDS)
    for task, seed in TABLES:
        assert grid_table.load(task, seed).origin["overrides"] == grids.overrides(task, seed)


@pytest.mark.parametrize("task", grids.GRIDS)
def test_tables_of_a_task_differ_in_their_folds_and_agree_in_the_order_and_costs_of_their_configurations(
    task: str,
) -> None:
    first, *others = (grid_table.load(task, seed) for seed in grid_table.seeds(task))
    assert len(others) >= 4
    for other in others:
        assert (other.values, other.baselines) == (first.values, first.baselines)
        assert all(np.array_equal(other.costs[name], cost) for name, cost in first.costs.items())
        assert not np.array_equal(other.example, first.example)
        assert not np.array_equal(other.scores, first.scores)


@pytest.mark.parametrize(("task", "seed"), TABLES)
def test_a_table_is_small_and_its_scores_are_those_of_its_answers(task: str, seed: int) -> None:
    table = grid_table.load(task, seed)
    assert grid_table.place(task, seed).stat().st_size < 50_000
    score = {"accuracy": accuracy, "macro_f1": macro_f1}[table.origin["metric"]].score
    for row in range(0, len(table.values), 12):
        for fold in range(table.scores.shape[1]):
            here = table.fold == fold
            assert score(table.labels[here], table.predicted[row, here]) == pytest.approx(table.scores[row, fold])


def test_a_table_is_read_back_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = grid_table.load(TASK)
    changed = replace(table, scores=table.scores + 1)
    monkeypatch.setattr(grid_table, "FOLDER", tmp_path)
    (tmp_path / "other").mkdir()
    changed.save(grid_table.place("other", 0))
    again = grid_table.load("other")
    assert (grid_table.tasks(), grid_table.seeds("other")) == (("other",), (0,))
    assert (again.values, again.baselines, again.origin) == (table.values, table.baselines, table.origin)
    assert np.array_equal(again.scores, table.scores + 1)
    assert {name: cost.tolist() for name, cost in again.costs.items()} == {
        n: c.tolist() for n, c in table.costs.items()
    }


def test_a_study_of_every_configuration_finds_the_whole_front_and_trains_all(studies) -> None:
    for seed in SEEDS:
        whole = studies[PLAIN, seed]
        assert (whole.spent[-1], whole.volume[-1], whole.stops) == (1.0, 1.0, 0)


def test_racing_never_trains_more_folds_and_finds_no_more_than_there_is(studies) -> None:
    for (pruner, seed), one in studies.items():
        assert one.volume == sorted(one.volume)
        assert one.spent == sorted(one.spent)
        assert 0 <= one.volume[0] <= one.volume[-1] <= 1
        if pruner == RACING:
            plain = studies[PLAIN, seed]
            assert all(mine <= others for mine, others in zip(one.spent, plain.spent, strict=True))
            assert one.spent[-1] < 1
            assert 0 <= one.false <= one.stops


def test_a_seed_is_a_study(grid: Grid, studies) -> None:
    assert outcome(grid, truth_of(grid, truths.worth(TASK)), *RANDOM, RACING, seed=1) == studies[RACING, 1]
    assert studies[RACING, 0] != studies[RACING, 1]


def test_scores_known_costs_and_answers_of_a_replayed_study_are_the_grids(grid: Grid) -> None:
    driver = replayed(grid, *RANDOM, RACING)
    for result in driver.results.values():
        row = grid.rows[result.configuration]
        known = driver.plan.known_figures(result.configuration)
        assert {name: known[name] for name in grids.KNOWN} == {n: c[row] for n, c in grid.table.costs.items()}
        for fold in result.folds:
            assert fold.score == grid.table.scores[row, fold.fold]
            assert np.array_equal(fold.answers.predicted, grid.table.predicted[row, grid.table.fold == fold.fold])


def test_what_adds_to_the_front_is_worth_more_than_all_that_cost_no_more_by_more_than_the_tolerance() -> None:
    assert [TRUTH.adds(row) for row in range(4)] == [True, True, False, True]
    assert [TRUTH.near(row) for row in (0, 1, 2, 3, None)] == [False, False, False, True, False]
    assert TRUTH.short(1) == pytest.approx(0.025)


@pytest.mark.parametrize("task", grids.GRIDS)
def test_every_configuration_has_a_worth_of_many_trainings_and_the_grids_scores_agree_with_it(task: str) -> None:
    table, kept = grid_table.load(task), truths.recall()[task]
    assert kept["overrides"] == grids.overrides(task)
    assert np.shape(kept["scores"]) == (len(table.values), truths.TRAININGS)
    assert np.corrcoef(truths.worth(task), table.means)[0, 1] > 0.5


def test_the_hypervolume_is_the_area_in_loss_and_decades_of_cost() -> None:
    decades = np.log10(200)
    assert TRUTH.reference.tolist() == pytest.approx([0.5, decades])
    assert TRUTH.volume([1]) == pytest.approx(0.3 * (decades - 1))
    whole = 0.3 * (decades - 1) + 0.005 * (decades - 2)
    assert TRUTH.share([1, 2]) == pytest.approx(0.3 * (decades - 1) / whole)
    assert TRUTH.share([]) == 0


ONE = Outcome([0.1, 0.25, 0.6], [0.5, 0.9, 0.99], [None, 3, 3], 4, 1, 2, False, 0.02, -0.01)
OTHER = Outcome([0.2, 0.3, 0.4], [0.4, 0.6, 0.8], [3, 0, 1], 6, 0, 2, True, 0.0, 0.01)


def test_the_tables_hold_what_was_counted() -> None:
    kept = {"topic": {"tpe racing": [ONE, OTHER], "grid racing": [ONE, OTHER]}}
    line = [*replay_tables.saved(kept, {"topic": TRUTH})][2]
    assert line == "| topic | tpe | yes | 2 | 65.0% | 100% | never | 50% | 50% | 89.5% | 50% | 0.013 |"
    line = [*replay_tables.raced(kept, {"topic": TRUTH})][2]
    assert line == "| topic | 2 | 50% | 10 | 1 (10.0%) | 1 of 4 | 89.5% | 50% | 0.013 |  |  |"
    line = [*replay_tables.answered(kept, {"topic": TRUTH})][2]
    assert line == "| topic | yes | 2 | 1 | 0% | +0.010 | +0.000 |"
    assert replay_tables.until_enough(ONE) == 0.6
    assert replay_tables.volume_at(ONE, 0.05) == 0.0


def test_a_curve_ends_with_what_was_trained_and_found_on_average() -> None:
    budgets, volumes = replay_curves.curve([ONE, OTHER])
    assert (budgets[-1], volumes[-1]) == (pytest.approx(0.5), pytest.approx(0.895))
    assert volumes[np.isclose(budgets, 0.25)].tolist() == [pytest.approx(0.65)]


def test_what_was_replayed_is_kept_and_drawn(tmp_path: Path) -> None:
    kept = {"topic": {"tpe racing": [ONE], "tpe none": [OTHER]}, "nodes": {"tpe none": [OTHER]}}
    replay.keep(kept, tmp_path / "kept.json")
    assert replay.recall(tmp_path / "kept.json") == kept
    replay_curves.draw(kept, tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    assert "topic" in text
    assert "tpe, racing" in text


def test_the_errors_that_studies_state_have_three_parts_and_are_no_smaller_than_those_made() -> None:
    errors = calibration.errors_of(TASK)
    assert errors.stated**2 == pytest.approx(errors.examples**2 + errors.trainings**2 + errors.overlap**2)
    assert errors.made < errors.stated < 2 * errors.made
