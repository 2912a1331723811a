"""What trials are weighed by: one score and its costs, and what a trial's folds come to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from study.config.members import TrialResult
from study.core import figures
from study.core.errors import ConfigError


def summary(result: TrialResult) -> dict[str, float]:
    """Every figure of a trial, with the standard errors of its scores, and each fold's score.

    Folds without a result, or with a figure that is not a number, bring nothing.
    """
    folds = [f for f in (fold.sound() for fold in result.folds) if f.score is not None]
    scores = {f"{figures.FOLD}{f.fold}": f.score for f in folds if f.score is not None}
    return figures.combine([f.metrics for f in folds]) | scores


def values(result: TrialResult, known: Mapping[str, float], objectives: Sequence[str]) -> list[float] | None:
    """The objectives of a complete trial with those figures; None where one is missing, which fails it."""
    numbers = [known.get(name, math.nan) for name in objectives]
    return numbers if result.complete and all(map(math.isfinite, numbers)) else None


def score_and_costs(objectives: Sequence[str], whose: str) -> tuple[str, list[str]]:
    """The one objective that folds estimate, and the costs; ConfigError, of the key `whose`, where there is not one."""
    scores = [name for name in objectives if figures.FIGURES[name].spread]
    if len(scores) != 1:
        rule = f"weighs one score against costs, and objectives={[*objectives]} has {len(scores)} scores"
        raise ConfigError(whose, rule, "name one, such as objectives=[score,params/trainable]")
    return scores[0], [name for name in objectives if name not in scores]


def toward_better(objective: str) -> int:
    """1 where a larger figure is better, −1 where a smaller one is."""
    return -1 if figures.direction(objective) == figures.MINIMIZE else 1
