"""Everything that a report says, computed once for the page and for the Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from analysis.answer import role_of_taken, sentences, trial_to_take
from analysis.answers import OutOfFold
from analysis.budgets import Ladder, budgets_of
from analysis.costs import cheapest_first, with_costs_alone
from analysis.effect_table import effect_rows
from analysis.effects import effects_of
from analysis.epochs import traced_numbers
from analysis.every_trial import measured_cells
from analysis.exported import exports_of
from analysis.infeasible import broken_text
from analysis.judgement import judgement_of
from analysis.layers import LinearLayer, recorded_layers
from analysis.maps import Map, maps_of
from analysis.plots import Plot
from analysis.plots_costs import memory_parts_plot, time_plot
from analysis.plots_effects import effect_plots
from analysis.plots_front import all_plots
from analysis.plots_learning import learning_plots
from analysis.plots_progress import progress_plot
from analysis.references import Reference, levels_of, recorded_references
from analysis.runs import StudyRuns
from study.core import formatting as fmt
from study.core.evidence.judgement import Judgement
from study.core.evidence.table import ScoreTable
from study.core.evidence.verdict import CANNOT_TELL
from study.core.figures import FOLD, SCORES
from study.core.limits import difference_interval
from study.core.pareto import pareto_front

DISTINCT = {"best": "best", None: "too few folds", True: "distinguishable", False: "not distinguishable"}


@dataclass(frozen=True)
class Findings:
    """A study's front, judgement and plots; `effects` and `maps` are there where a surface could be told.

    The judgement is None where no trial is complete and scored; `unanswered` says why no answers stand behind it.
    """

    runs: StudyRuns
    compared: pd.DataFrame
    front: pd.DataFrame
    judgement: Judgement | None
    plots: tuple[Plot, ...]
    linears: tuple[LinearLayer, ...]
    references: tuple[Reference, ...]
    exported: pd.DataFrame
    unanswered: str = ""
    effects: tuple[Plot, ...] = ()
    maps: tuple[Map, ...] = ()
    progress: tuple[Plot, ...] = ()
    learning: tuple[Plot, ...] = ()
    costs: tuple[Plot, ...] = ()
    effect_rows: tuple[dict[str, str], ...] = ()

    @property
    def figures(self) -> tuple[Plot | Map, ...]:
        """The front, and every other plot that has something to draw."""
        return (*self.plots, *self.effects, *self.maps, *self.learning, *self.progress, *self.costs)

    @property
    def superseded(self) -> tuple[str, ...]:
        """The names of plots that the page leaves out, since an effect's shows the same trials and more."""
        return ("lambda",) if any(plot.x_title == "λ" for plot in self.effects) else ()

    @property
    def displayed(self) -> tuple[Plot | Map, ...]:
        """The figures of the page."""
        return tuple(figure for figure in self.figures if figure.name not in self.superseded)

    @property
    def mark(self) -> tuple[str, int] | None:
        """What a figure calls the trial to take, and its number."""
        return mark_of(self.runs, self.judgement)

    @property
    def recommended(self) -> int | None:
        """The number of the trial to take, for good or meanwhile; None where there is none."""
        return trial_to_take(self.runs, self.judgement)

    @cached_property
    def budgets(self) -> dict[str, Ladder]:
        """What each cost's budgets buy."""
        return budgets_of(self.runs, self.judgement, self.references)

    def probabilities(self, number: int) -> dict[str, str]:
        """How probably a trial is near the best, and on the front: heading → cell; nothing where nothing is judged."""
        if self.judgement is None:
            return {}
        row, verdict = self.judgement.row(number), self.judgement.verdict
        near, on_front = (None, None) if row is None else (verdict.within[row], verdict.on_front[row])
        return {
            f"Within {self.judgement.tolerance:g} of the best": fmt.probability(near),
            "On the front": fmt.probability(on_front),
        }

    def trial(self, number: int) -> pd.Series:
        """The row of a trial."""
        trials = self.runs.trials
        return trials[trials["number"] == number].iloc[0]


def findings_of(
    runs: StudyRuns,
    answers: OutOfFold | None = None,
    tolerance: float | None = None,
    confidence: float | None = None,
    unanswered: str = "",
    epochs: pd.DataFrame | None = None,
) -> Findings:
    """Compute what the report says of `runs`, of the out-of-fold `answers` of its trials and of `epochs`; pure.

    `tolerance` is how much score a cheaper model may lose, and `confidence` how probable it must be that it loses no
    more; by default they are the study's own. `unanswered` says why there are no answers.
    """
    compared = runs.compared
    counted = with_costs_alone(compared)  # as the judgement does
    on_front = pareto_front(counted, runs.info.objectives, runs.info.directions)
    front = cheapest_first(compared[on_front], runs.info.objectives)
    untrained = recorded_references(runs.info.metrics)
    judgement = judgement_of(runs, untrained, answers, tolerance, confidence)
    levels = levels_of(untrained, runs.info.metric)
    plots = all_plots(compared, on_front, runs.info, levels, mark_of(runs, judgement))
    linears: tuple[LinearLayer, ...] = ()
    if (number := trial_to_take(runs, judgement)) is not None:
        recommended = compared[compared["number"] == number].iloc[0]
        linears = recorded_layers(runs.info.tags.get("linears"), recommended["adaptation"])
    effects, metric = effects_of(runs), runs.info.metric
    progress = progress_plot(counted, runs.info.objectives, runs.info.directions, metric)
    learning = () if epochs is None else learning_plots(epochs, runs.trials, metric)
    costs = time_plot(runs, [*front["number"]]), memory_parts_plot(runs, traced_numbers(runs))
    if answers is not None and judgement is not None and judgement.table.answers is None:
        unanswered = f"What single examples were answered does not say what {metric} rests on here."
    settings = tuple(plot for plot in plots[1:] if not plot.empty)
    return Findings(
        runs, compared, front, judgement, (plots[0], *settings), linears, untrained, exports_of(runs.trials),
        unanswered, effect_plots(effects, metric), maps_of(effects, metric), (progress,) * (not progress.empty),
        learning, tuple(plot for plot in costs if not plot.empty), effect_rows(effects),
    )  # fmt: skip


def mark_of(runs: StudyRuns, judgement: Judgement | None) -> tuple[str, int] | None:
    """What a figure calls the trial to take, and its number; None where there is none."""
    number = trial_to_take(runs, judgement)
    if judgement is None or number is None:
        return None
    return role_of_taken(judgement).lower(), number


def headline(f: Findings) -> str:
    """The answer in a few plain sentences."""
    return " ".join(sentences(f.runs, f.judgement, f.references))


def choices(f: Findings) -> list[tuple[str, int | None]]:
    """What may be chosen, in words, and the trial that it is."""
    if f.judgement is None:
        return [("Recommended", None), ("Highest expected score", None)]
    rule = role_of_taken(f.judgement) + ", not certain" * (f.judgement.verdict.kind == CANNOT_TELL)
    return [(rule, f.recommended), ("Highest expected score", f.judgement.best)]


def failure_lines(f: Findings) -> list[str]:
    """The distinct errors of trials that failed, the most frequent first, each with how many trials it ended."""
    counts = f.runs.trials["error"].dropna().value_counts()
    return [
        f"{fmt.plural(int(count), 'trial')} failed: {' '.join(str(error).split())}" for error, count in counts.items()
    ]


def fold_scores(f: Findings, row: pd.Series) -> str:
    """The scores of the folds in their order, a dash where one is missing."""
    columns = sorted(
        (c for c in map(str, f.compared.columns) if c.startswith(FOLD)), key=lambda c: int(c.removeprefix(FOLD))
    )
    return " · ".join(fmt.number(row[c], 3) for c in columns) or fmt.MISSING


def other_scores(f: Findings, row: pd.Series) -> str:
    """What else was measured of the same answers, beside the score's own metric."""
    others = [name for name in SCORES if name in row.index and name != f.runs.info.metric and not pd.isna(row[name])]
    return " · ".join(f"{name} {fmt.number(row[name], 3)}" for name in others) or fmt.MISSING


def trial_cells(f: Findings, row: pd.Series) -> dict[str, str]:
    """A table's row of one trial: heading → cell."""
    return {
        "Trial": str(row["number"]),
        "Configuration": fmt.text(row["label"]) + (f" ({broken})" if (broken := broken_text(row)) else ""),
        "Score ± SE": fmt.with_se(row["score"], row["score_se"]),
        **f.probabilities(int(row["number"])),
        "Folds": fold_scores(f, row),
        "Other scores": other_scores(f, row),
        **measured_cells(row, f.runs.info.objectives),
    }


def comparison_rows(f: Findings) -> list[dict[str, str]]:
    """Every compared configuration against the best, the nearest first: heading → cell."""
    if f.judgement is None:
        return []
    rows = sorted(range(len(f.judgement.contrasts)), key=lambda row: -f.judgement.contrasts[row].mean)  # type: ignore[union-attr]
    return [_comparison_cells(f, f.judgement, row) for row in rows]


def _comparison_cells(f: Findings, judgement: Judgement, row: int) -> dict[str, str]:
    contrast, metric = judgement.contrasts[row], f.runs.info.metric
    return {
        "Trial": str(contrast.number),
        "Configuration": fmt.text(f.trial(contrast.number)["label"]) + _folds_text(judgement.table, row),
        "Difference to best": fmt.with_se(contrast.mean, contrast.se),
        "95 % interval": difference_interval(metric, contrast.low, contrast.high),
        "All pairs at once": difference_interval(metric, contrast.simultaneous_low, contrast.simultaneous_high),
        **f.probabilities(contrast.number),
        "From the best": DISTINCT["best" if row == judgement.verdict.best else contrast.distinguishable],
    }


def _folds_text(table: ScoreTable, row: int) -> str:
    """How many folds a trial has that was stopped before its last; "" of a whole one."""
    return "" if table.whole[row] else f" ({table.trained[row, : table.splits].sum()} of {table.splits} folds)"
