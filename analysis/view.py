"""What the report's templates draw: findings as texts and tables, with no numbers left to format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis import chosen, exported, references
from analysis import findings as say
from analysis.axes import TITLES
from analysis.budget_words import budgets_grid
from analysis.costs import loaded_objectives
from analysis.deciding import deciding_command, repeat_notes
from analysis.every_trial import folds_grid, trials_grid
from analysis.explorer import explorer_of
from analysis.findings import Findings
from analysis.grid import Grid, grid_of
from analysis.infeasible import infeasible_baselines
from analysis.layers import LinearLayer
from analysis.maps import Map
from analysis.plots import Plot
from analysis.provenance import Rows, left_out, provenance
from analysis.runs import counted_score_text
from study.core import formatting as fmt
from study.core.alone import cost_of_trial, meanings
from study.core.figures import costs_of


@dataclass(frozen=True)
class Choice:
    """What a rule chooses: a trial and its figures, or none (then `number` is None and each text a dash)."""

    rule: str
    number: int | None = None
    label: str = fmt.MISSING
    score: str = fmt.MISSING
    costs: str = fmt.MISSING
    test: str = fmt.MISSING


@dataclass(frozen=True)
class Layer:
    """One layer of the backbone, such as ``3`` or ``decoder 3``, and which of its modules are adapted."""

    place: str
    adapted: tuple[str, ...]
    frozen: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """What the configuration to take is: the names and values of its keys, the command that trains it once more (empty
    where that is not known), and the one that exports it."""

    trial: int
    configuration: tuple[tuple[str, str], ...]
    repeat: str
    export: str


@dataclass(frozen=True)
class View:
    """The report's content, apart from how it looks; `layers` go from the bottom up, `displayed` are its figures."""

    name: str
    headline: str
    deciding: str
    choices: tuple[Choice, ...]
    recipe: Recipe | None
    left_out: str
    failures: tuple[str, ...]
    front_plot: Plot
    setting_plots: tuple[Plot, ...]
    effect_plots: tuple[Plot, ...]
    maps: tuple[Map, ...]
    learning: tuple[Plot, ...]
    progress: tuple[Plot, ...]
    costs: tuple[Plot, ...]
    displayed: tuple[Plot | Map, ...]
    front: Grid
    baselines: Grid
    references: Grid
    comparisons: Grid
    unanswered: str
    effects: Grid
    modules: tuple[str, ...]
    layers: tuple[Layer, ...]
    exports: Grid
    how_to_export: str
    provenance: tuple[tuple[str, Rows], ...]
    folds: Grid
    trials: Grid
    explorer: dict[str, Any]
    budgets: Grid
    findings: Findings

    @property
    def choice_notes(self) -> tuple[str, ...]:
        """What the marks of the choices' costs mean, as far as the headline does not say it."""
        costs = (cost for choice in self.choices for cost in choice.costs.split(" · "))
        return tuple(note for note in meanings(costs) if note not in self.headline)


def view_of(f: Findings) -> View:
    """The findings as the templates draw them; pure."""
    recommended = f.recommended
    shaded = tuple(i for i, number in enumerate(f.front["number"]) if number == recommended)
    front = grid_of([say.trial_cells(f, row) for _, row in f.front.iterrows()], shaded)
    return View(
        name=f.runs.name,
        headline=say.headline(f),
        deciding=deciding_command(f.runs, f.judgement),
        choices=tuple(_choice(f, rule, number) for rule, number in say.choices(f)),
        recipe=None if recommended is None else _recipe(f, recommended),
        left_out=left_out(f.runs),
        failures=tuple(say.failure_lines(f)),
        front_plot=f.plots[0],
        setting_plots=tuple(plot for plot in f.plots[1:] if plot.name not in f.superseded),
        effect_plots=f.effects,
        maps=f.maps,
        learning=f.learning,
        progress=f.progress,
        costs=f.costs,
        displayed=f.displayed,
        front=_of_first(f, replace(front, notes=(*loaded_objectives(f.runs), *front.notes))),
        baselines=_of_first(f, _baselines(f)),
        references=grid_of([references.reference_cells(reference) for reference in f.references]),
        comparisons=grid_of(say.comparison_rows(f)),
        unanswered=f.unanswered,
        effects=grid_of(f.effect_rows),
        modules=tuple(dict.fromkeys(x.name for x in f.linears)),
        layers=_layers(f.linears),
        exports=grid_of([exported.export_cells(row) for _, row in f.exported.iterrows()]),
        how_to_export=_how_to_export(f),
        provenance=provenance(f.runs, f.judgement),
        folds=_of_first(f, folds_grid(f.runs)),
        trials=_of_first(f, trials_grid(f.runs)),
        explorer=explorer_of(f, _drawn_levels(f.plots[0])),
        budgets=budgets_grid(f),
        findings=f,
    )


def _baselines(f: Findings) -> Grid:
    """The baselines, those that break a constraint too."""
    rows = pd.concat([f.compared[f.compared["baseline"].notna()], infeasible_baselines(f.runs)])
    return grid_of([say.trial_cells(f, row) for _, row in rows.sort_values("number").iterrows()])


def _of_first(f: Findings, grid: Grid) -> Grid:
    """The table with a note, where trials were cross-validated again, that its scores are of the first time."""
    return replace(grid, notes=(*repeat_notes(f.runs), *grid.notes)) if grid.rows else grid


def _drawn_levels(front: Plot) -> dict[str, float]:
    """The scores without training that the front's plot has room for; its caption names the others."""
    return {series.name: series.y[0] for series in front.series if series.dashed}


def _choice(f: Findings, rule: str, number: int | None) -> Choice:
    if number is None:
        return Choice(rule)
    row = f.trial(number)
    names = dict.fromkeys([*costs_of(f.runs.info.objectives), "params/trainable", "memory/train_bytes"])
    costs = " · ".join(f"{TITLES[name]} {cost_of_trial(name, row).text}" for name in names)
    score, test = counted_score_text(row), fmt.number(row["test/score"])
    return Choice(rule, number, fmt.text(row["label"]), score, costs, test)


def _recipe(f: Findings, number: int) -> Recipe:
    configuration, repeat = chosen.chosen_values(f.runs, number), chosen.repeat_command(f.runs, number)
    return Recipe(number, configuration, repeat, chosen.export_command(f.runs, number))


def _how_to_export(f: Findings) -> str:
    """The command that exports a model: of the trial to take or, where there is none, of the highest expected score."""
    trial = "best" if f.judgement is None or f.recommended is not None else f.judgement.best
    return f"No model of this study has been exported; {chosen.export_command(f.runs, trial)} does it."


def _layers(linears: Sequence[LinearLayer]) -> tuple[Layer, ...]:
    """The linear layers gathered by their place, in the places' order."""
    places: dict[str, list[LinearLayer]] = {}
    for linear in linears:
        places.setdefault(linear.place, []).append(linear)
    return tuple(
        Layer(place, tuple(x.name for x in inside if x.adapted), tuple(x.name for x in inside if not x.adapted))
        for place, inside in places.items()
    )
