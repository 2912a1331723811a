"""What a trial's run says of itself on MLflow's pages, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from study.config.members import TrialResult
from study.core import formatting as fmt
from study.core import mlflow_pages
from study.core.alone import APART, costs_in_words, meanings
from study.core.figures import ALONE, ERROR
from study.core.markdown import escape_marks
from study.core.mlflow_notes import NOTE

if TYPE_CHECKING:
    from mlflow.entities import RunData

MOST = 300  # characters of an error
COSTS = "Costs: "  # with which the paragraph on them begins


def links_from_trial(experiment: str, study: str) -> str:
    """Where the study's own run and its trials are."""
    trials = mlflow_pages.trials_place(experiment, study, viewed=True)
    whole = mlflow_pages.run_place(experiment, study)
    return f"[The study and its answer]({whole}) · [its trials, best first]({trials})"


def trial_note(label: str, result: TrialResult, figures: Mapping[str, float], metric: str, links: str) -> str:
    """The configuration, what came of it, fold by fold, and what it costs; `links` come last."""
    lines = [
        f"**{escape_marks(label)}**{f' (baseline {result.baseline})' if result.baseline else ''}",
        *_outcome(result, figures, metric),
        _costs(figures),
        links,
    ]
    return "\n\n".join(line for line in lines if line)


def renewed_costs(figures: Mapping[str, float], read: Callable[[], RunData]) -> dict[str, str]:
    """The tag with a trial's note in which its costs are told anew, as these `figures` of it have been measured alone;
    empty where they were not. `read` gives what its run has."""
    if figures.keys().isdisjoint(ALONE.values()):
        return {}
    data = read()
    told = _costs({**data.metrics, **figures})
    parts = data.tags.get(NOTE, "").split("\n\n")
    return {NOTE: "\n\n".join(told if part.startswith(COSTS) else part for part in parts)}


def _costs(figures: Mapping[str, float]) -> str:
    """What a trial costs and what the marks behind its numbers mean; empty where nothing is known of it."""
    costs = costs_in_words(figures)
    return " ".join([f"{COSTS}{costs}.", *meanings(costs.split(APART))]) if costs else ""


def _outcome(result: TrialResult, figures: Mapping[str, float], metric: str) -> list[str]:
    out = [] if result.duplicate_of is None else [f"It repeats the training of trial {result.duplicate_of}."]
    if result.failure is not None and result.stopped is None:
        return [*out, f"It failed: {escape_marks(result.failure[:MOST])}"]
    if result.stopped is not None:
        stop = result.stopped
        out.append(f"Stopped after {fmt.plural(stop.folds, 'fold')}: it {escape_marks(stop.reason)}.")
    elif result.broken:
        out.append(f"It breaks {escape_marks(', '.join(result.broken))}.")
    if "score" in figures:
        folds = " · ".join(fmt.number(fold.score, 3) for fold in result.folds)
        mean = fmt.with_se(figures["score"], figures.get(f"score{ERROR}"))
        out.append(f"{metric} {mean}, by fold {folds}.")
    return out
