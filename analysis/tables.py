"""The report's tables as files: CSV for programs, LaTeX for papers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.every_trial import folds_grid, trials_grid
from analysis.grid import Grid
from analysis.spreadsheet import as_csv
from analysis.view import View

ENDINGS = {"csv": "csv", "latex": "tex"}
MINUS = re.compile(r"(?<![\w\d-])-(?=\d)")  # a sign, which a hyphen would look too short for
PAGE = 40  # rows that a page of paper has room for
# What pdflatex has no letter for in its usual fonts.
LATEX = str.maketrans({
    "±": r"$\pm$", "λ": r"$\lambda$", "·": r"$\cdot$", "×": r"$\times$", "≤": r"$\leq$", "≥": r"$\geq$", "–": "--",
    "†": r"$\dagger$", "‡": r"$\ddagger$", "<": r"$<$", ">": r"$>$",
})  # fmt: skip


def save_tables(view: View, folder: Path, kinds: Sequence[str]) -> None:
    """Write <folder>/<name>.<ending> for each table that has rows and each of the kinds, csv or latex."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, grid) in tables_of(view).items():
        for kind in kinds:
            text = grid_as_csv(grid) if kind == "csv" else grid_as_latex(grid, f"{title} ({view.name})", name)
            (folder / f"{name}.{ENDINGS[kind]}").write_text(text, encoding="utf-8")


def tables_of(view: View) -> dict[str, tuple[str, Grid]]:
    """The report's tables that have rows, whole where the page has no room for all: name → title and cells."""
    runs = view.findings.runs
    tables = {
        "front": ("The front", view.front),
        "budgets": ("What each budget buys", view.budgets),
        "baselines": ("Baselines", view.baselines),
        "references": ("What needs no training", view.references),
        "comparisons": ("How sure", view.comparisons),
        "effects": ("What each choice does", view.effects),
        "trials": ("Every trial", trials_grid(runs, room=None)),
        "folds": ("Fold by fold", folds_grid(runs, room=None)),
        "exports": ("Exported models", view.exports),
    }
    return {name: (title, grid) for name, (title, grid) in tables.items() if grid.rows}


def grid_as_csv(grid: Grid) -> str:
    """The cells as the report shows them, a heading above each column; none of them is a spreadsheet's formula."""
    return as_csv(_frame(grid))


def grid_as_latex(grid: Grid, caption: str, label: str) -> str:
    """A table of the package booktabs, of longtable where a page has no room for it; no cell is read as a command."""
    text = _frame(grid).to_latex(
        index=False,
        escape=True,
        longtable=len(grid.rows) > PAGE,
        caption=_escape_caption(caption),
        label=f"tab:{label}",
    )
    return MINUS.sub("$-$", str(text).translate(LATEX))


def _escape_caption(text: str) -> str:
    """The text as pandas escapes that of a cell; it leaves captions as they are."""
    table = pd.DataFrame([[text]]).to_latex(index=False, header=False, escape=True)
    return str(table).partition("\\midrule\n")[2].partition(" \\\\\n")[0]


def _frame(grid: Grid) -> pd.DataFrame:
    return pd.DataFrame(list(grid.rows), columns=list(grid.headings))
