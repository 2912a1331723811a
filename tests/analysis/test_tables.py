"""The report's tables as files, and every trial and fold among them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pandas as pd
import pytest

from analysis.every_trial import ROOM, folds_grid, trials_grid
from analysis.findings import findings_of
from analysis.grid import Grid
from analysis.options import Options
from analysis.report import write_report
from analysis.runs import load_study
from analysis.tables import grid_as_csv, grid_as_latex, tables_of
from analysis.view import view_of

CELLS = ("50 % & 3_000 $x$ #1 {a} ~b ^c \\d", "0.9 ± 0.1 λ · – < -0.01 1e-05")


@pytest.fixture
def runs(store):
    return load_study("demo", store)


def test_each_table_with_rows_is_a_file_of_each_kind(store, tmp_path):
    folder = write_report("demo", tmp_path, store, Options(tables=("csv", "latex"))).parent / "tables"
    names = ("front", "budgets", "baselines", "references", "comparisons", "trials", "folds")
    assert {path.name for path in folder.iterdir()} == {f"{n}.{ending}" for n in names for ending in ("csv", "tex")}
    rows = list(csv.DictReader((folder / "front.csv").open(encoding="utf-8")))
    assert [row["Trial"] for row in rows] == ["0", "1", "2", "3"]
    assert rows[3]["Configuration"] == "lora r8 <b>qv</b> all"
    assert "lora r8 $<$b$>$qv$<$/b$>$ all & 0.9100 $\\pm$ 0.0060" in (folder / "front.tex").read_text(encoding="utf-8")


def test_without_being_asked_for_no_table_is_a_file(store, tmp_path):
    assert not (write_report("demo", tmp_path, store).parent / "tables").exists()


def test_of_a_study_without_a_result_its_trials_are_the_only_table(store):
    assert set(tables_of(view_of(findings_of(load_study("none", store))))) == {"trials"}


def test_a_file_has_the_rows_that_a_page_has_no_room_for(runs):
    trials = [runs.trials.assign(number=lambda part, first=8 * i: part["number"] + first) for i in range(60)]
    folds = [runs.folds.assign(number=lambda part, first=8 * i: part["number"] + first) for i in range(60)]
    many = replace(runs, trials=pd.concat(trials, ignore_index=True), folds=pd.concat(folds, ignore_index=True))
    view = view_of(findings_of(many))
    files = tables_of(view)
    assert len(view.trials.rows) == len(view.folds.rows) == ROOM
    assert len(files["trials"][1].rows) == 480
    assert len(files["folds"][1].rows) == ROOM + view.folds.left_out > ROOM
    assert "longtable" in grid_as_latex(files["trials"][1], "Every trial", "trials")
    assert "longtable" not in grid_as_latex(files["references"][1], "References", "references")


def test_csv_is_read_back_as_it_was():
    grid = Grid(("a", "b,c"), (CELLS, ('"', "x\ny")))
    assert list(csv.reader(io.StringIO(grid_as_csv(grid)))) == [["a", "b,c"], list(CELLS), ['"', "x\ny"]]


def test_no_cell_of_a_latex_table_is_a_command():
    text = grid_as_latex(Grid(("a_b", "c"), (CELLS,)), "Front (my_study & 1)", "front")
    assert r"50 \% \& 3\_000 \$x\$ \#1 \{a\} \textasciitilde b \textasciicircum c \textbackslash d" in text
    assert r"0.9 $\pm$ 0.1 $\lambda$ $\cdot$ -- $<$ $-$0.01 1e-05" in text
    assert r"\caption{Front (my\_study \& 1)}" in text
    assert r"\toprule" in text
    assert r"a\_b & c" in text


def test_every_trial_is_a_row_with_what_became_of_it(runs):
    errors = [*[None] * 5, "RuntimeError:\n  out of memory", None, None]
    grid = trials_grid(replace(runs, trials=runs.trials.assign(error=errors)))
    column = grid.headings.index
    assert [row[column("Trial")] for row in grid.rows] == [str(n) for n in range(8)]
    assert [row[column("State")] for row in grid.rows] == [
        *["complete"] * 5, "failed", "incomplete", "repeated (of 1)",
    ]  # fmt: skip
    assert grid.rows[5][column("Error, or why it was stopped")] == "RuntimeError: out of memory"
    assert grid.rows[5][column("Score ± SE")] == "–"
    assert grid.links == tuple(runs.link(run) for run in runs.trials["run_id"])


def test_a_pruned_trial_is_called_so_with_the_reason(runs):
    states = ["pruned", *runs.trials["state"][1:]]
    reasons = ["it adds more than 0.01 to the front with probability 0.02 (beside trial 3)", *[None] * 7]
    grid = trials_grid(replace(runs, trials=runs.trials.assign(state=states, stopped=reasons)))
    assert grid.rows[0][grid.headings.index("State")] == "pruned"
    assert grid.rows[0][grid.headings.index("Error, or why it was stopped")] == reasons[0]
    assert grid.rows[1][grid.headings.index("Error, or why it was stopped")] == "–"


def test_every_trial_of_a_server_leads_to_its_run(runs):
    grid = trials_grid(replace(runs, server="http://localhost:5000"))
    assert grid.links[3].endswith(f"/runs/{runs.trials['run_id'][3]}?workflowType=machine_learning")


def test_each_fold_is_a_column_and_a_fold_that_was_not_scored_a_dash(runs):
    folds = runs.folds[~((runs.folds["number"] == 2) & (runs.folds["fold"] == 1))]
    grid = folds_grid(replace(runs, folds=folds))
    assert grid.headings == ("Trial", "Configuration", "State", "Fold 0", "Fold 1", "Fold 2", "Mean ± SE")
    assert grid.rows[2][3:] == ("0.8990", "–", "0.9150", "0.9050 ± 0.0060")
    assert grid.rows[5][2] == "repeated"


def test_what_there_is_no_room_for_is_counted(runs):
    import pandas as pd

    trials = pd.concat([runs.trials] * ROOM, ignore_index=True)
    grid = trials_grid(replace(runs, trials=trials))
    assert (len(grid.rows), grid.left_out) == (ROOM, 7 * ROOM)
