"""Every named number of a run: which way is better, its unit, and what a trial makes of its folds'."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from study.core import metrics
from study.core.errors import ConfigError
from study.core.standard_error import standard_error

Direction = Literal["maximize", "minimize"]
MAXIMIZE: Direction = "maximize"
MINIMIZE: Direction = "minimize"
Combine = Callable[[Sequence[float]], float]


@dataclass(frozen=True)
class Figure:
    """A named number: `combine` makes a trial's of its folds', `spread` adds a standard error beside it.

    `barred` says why it can be no objective, where it cannot. Of a score, `tolerance` is a difference that most people
    would give up for a cheaper model: one answer in a hundred, or half a point of ROUGE. What is measured during the
    search, maybe beside other trainings, has in `alone` the name of the same figure measured once more without them.
    """

    name: str
    direction: Direction
    unit: str = ""
    combine: Combine = statistics.fmean
    spread: bool = False
    barred: str = ""
    tolerance: float = 0.01
    alone: str = ""


AFTER = "is taken when the search is over, which must not see it"
BESIDE = "is what a fold takes beside its training, which is time/train_seconds"
OF_STUDY = "belongs to the study's answer, not to a trial"
ANSWER = "answer/"  # before the figures of a study's answer, which stand on the study's own run
FIGURES = {
    figure.name: figure
    for figure in (
        Figure("score", MAXIMIZE, spread=True),
        *(Figure(name, MAXIMIZE, spread=True) for name in metrics.NAMES),
        Figure("rouge1", MAXIMIZE, spread=True, tolerance=0.005),
        Figure("rouge2", MAXIMIZE, spread=True, tolerance=0.005),
        Figure("rougeL", MAXIMIZE, spread=True, tolerance=0.005),
        Figure("loss", MINIMIZE, spread=True),
        Figure("params/trainable", MINIMIZE, "numbers"),
        Figure("params/adapter", MINIMIZE, "numbers"),
        Figure("params/head", MINIMIZE, "numbers"),
        Figure("params/total", MINIMIZE, "numbers"),
        Figure("params/stored", MINIMIZE, "numbers"),
        Figure("memory/train_bytes", MINIMIZE, "bytes", max),
        Figure("memory/peak_bytes", MINIMIZE, "bytes", max, alone="alone/peak_bytes"),
        Figure("time/train_seconds", MINIMIZE, "s", sum, alone="alone/train_seconds"),
        Figure("time/score_seconds", MINIMIZE, "s", sum, barred=BESIDE),
        Figure("time/prepare_seconds", MINIMIZE, "s", sum, barred=BESIDE),
        Figure("speed/tokens_per_second", MAXIMIZE, "tokens/s", alone="alone/tokens_per_second"),
        Figure("latency/ms", MINIMIZE, "ms", alone="alone/latency_ms"),
        Figure("spectrum/kept", MAXIMIZE, "share", barred="is there for methods that start at a part of W alone"),
        Figure("data/truncated", MINIMIZE, "share", barred="belongs to the data and the model's max_length"),
        Figure("pack/members", MINIMIZE, "members", barred="says how a fold was trained, not what it is worth"),
        Figure("pack/workers", MINIMIZE, "workers", max, barred="says how a fold was trained, not what it is worth"),
        Figure("alone/peak_bytes", MINIMIZE, "bytes", barred=AFTER),
        Figure("alone/train_seconds", MINIMIZE, "s", barred=AFTER),
        Figure("alone/tokens_per_second", MAXIMIZE, "tokens/s", barred=AFTER),
        Figure("alone/latency_ms", MINIMIZE, "ms", barred=AFTER),
        Figure("alone/others", MINIMIZE, "share", barred=AFTER),
        Figure("test/score", MAXIMIZE, barred=AFTER),
        Figure("test/loss", MINIMIZE, barred=AFTER),
        Figure(f"{ANSWER}score", MAXIMIZE, barred=OF_STUDY),  # of what is recommended
        Figure(f"{ANSWER}cost", MINIMIZE, barred=OF_STUDY),  # of the same, in the study's own cost
        Figure(f"{ANSWER}probability", MAXIMIZE, barred=OF_STUDY),  # that it is within the tolerance of the best
        Figure(f"{ANSWER}best_score", MAXIMIZE, barred=OF_STUDY),
        Figure(f"{ANSWER}best_corrected", MAXIMIZE, barred=OF_STUDY),  # for having been chosen as the best of many
        Figure(f"{ANSWER}best_cost", MINIMIZE, barred=OF_STUDY),
        Figure(f"{ANSWER}compared", MAXIMIZE, "trials", barred=OF_STUDY),
    )
}
SPREADING = tuple(name for name, figure in FIGURES.items() if figure.spread)  # those that held-out examples give
SCORES = tuple(name for name in SPREADING if name not in ("score", "loss"))
OBJECTIVES = tuple(name for name, figure in FIGURES.items() if not figure.barred)
COSTS = tuple(name for name in OBJECTIVES if not FIGURES[name].spread)  # what a trial takes, whatever it scores
CEILINGS = ("highlights", "oracle")  # references that know what is to be found out: nothing that one could use instead
ALONE = {name: figure.alone for name, figure in FIGURES.items() if figure.alone}  # measured costs → measured alone
EXPORTED = ("bytes", "base_bytes", "parameters", "latency_p50_ms", "latency_p95_ms", "peak_bytes", "max_difference",
            "test_score")  # what is measured of an exported model  # fmt: skip
FOLD = "score/fold_"  # before a fold's index: its score, beside its trial's figures
OF_FOLD = "fold/"  # before a figure on a fold's own run, so that a search for a score finds trials
PARTIAL = "partial/"  # before a score's mean over fewer folds than a whole cross-validation has, and their number
REPEAT = re.compile(r"repeat_(\d+)/fold_(\d+)")  # the score of a fold of a further cross-validation, both by number
REPEATED = "repeats/"  # before what all cross-validations of a trial come to: how many, and the mean score
ERROR = "_se"  # behind the name of a figure: the standard error of its mean over folds
SPREAD = "_iqr"  # behind the name of a figure that was measured alone: the interquartile range of its repeats


def direction(name: str) -> Direction:
    """maximize or minimize, of an objective; raises ConfigError for what no run logs or nothing can be traded for."""
    if name not in FIGURES:
        raise ConfigError(f"objectives: {name}", "is no logged figure", f"choose among {', '.join(OBJECTIVES)}")
    if FIGURES[name].barred:
        remedy = f"choose among {', '.join(OBJECTIVES)}"
        raise ConfigError(f"objectives: {name}", FIGURES[name].barred, remedy)
    return FIGURES[name].direction


def usual_tolerance(metric: str) -> float:
    """How much of a metric most people would give up for a cheaper model."""
    return FIGURES.get(metric, FIGURES["score"]).tolerance


def is_tolerance(value: object) -> bool:
    """Whether it is an amount of score that one may lose."""
    return _is_number(value) and value >= 0  # type: ignore[operator]


def is_confidence(value: object) -> bool:
    """Whether it is a probability with which one may decide."""
    return _is_number(value) and 0.5 <= value < 1  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def combine(folds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """A trial's figures from those of its folds, with the standard errors of those that have one.

    A figure that a fold lacks is made of the others'.
    """
    out: dict[str, float] = {}
    for name in dict.fromkeys(key for fold in folds for key in fold):
        values = [fold[name] for fold in folds if name in fold]
        figure = FIGURES.get(name, Figure(name, MINIMIZE))
        out[name] = float(figure.combine(values))
        if figure.spread and len(values) > 1:
            out[name + ERROR] = standard_error(values)
    return out


def partial_figures(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures of a trial that lacks folds: the means of its scores under names of their own, and of how many folds
    they are, so that none is taken for one of a whole cross-validation."""
    spread = {name for name in figures if name.removesuffix(ERROR) in SPREADING}
    renamed = {PARTIAL + name if name in spread else name: value for name, value in figures.items()}
    count = sum(name.startswith(FOLD) for name in figures)
    return renamed | ({f"{PARTIAL}folds": float(count)} if spread and count else {})


def repeat_figures(scores: Sequence[Mapping[int, float]]) -> dict[str, float]:
    """The figures of a trial's cross-validations, the first one's folds first, each with its scores by fold.

    Nothing where there is no further one that has a score; one that was not trained is empty.
    """
    further = {number: folds for number, folds in enumerate(scores) if number and folds}
    if not further:
        return {}
    out = {f"repeat_{number}/fold_{k}": score for number, folds in further.items() for k, score in folds.items()}
    out |= {f"repeat_{number}/score": statistics.fmean(folds.values()) for number, folds in further.items()}
    everything = [score for folds in scores for score in folds.values()]
    return out | {f"{REPEATED}count": 1.0 + len(further), f"{REPEATED}score": statistics.fmean(everything)}


def repeated_note(count: int) -> str:
    """Which scores a table shows where so many trials were cross-validated again; empty where none was."""
    if not count:
        return ""
    which = "1 trial was" if count == 1 else f"{count} trials were"
    return (
        f"Scores and their standard errors are of the first cross-validation, which every trial has. {which} "
        "cross-validated again; the answer, its probabilities and intervals count all of them."
    )


def costs_of(objectives: Sequence[str]) -> list[str]:
    """What a study weighs its score against: the costs of its objectives, the trained parameters where none is one."""
    return [name for name in objectives if name in COSTS] or ["params/trainable"]
