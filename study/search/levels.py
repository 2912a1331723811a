"""Scores that need no training, as a study's own results are held against them."""

from __future__ import annotations

from study.core.figures import CEILINGS
from study.scoring import references
from study.search.plan import Plan


def levels_without_training(plan: Plan) -> dict[str, float]:
    """The scores of what one could use instead of a trained model, by its name, as the report compares them too."""
    recorded = references.summary(plan.examples, plan.searched_and_tested)
    named = ((key.split("/"), score) for key, score in recorded.items())
    return {name: score for (_, name, *metric), score in named if name not in CEILINGS and metric == [plan.metric]}
