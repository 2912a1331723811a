"""What a fold's run holds: the fold's figures under names of their own, and its curve by epoch."""

from __future__ import annotations

from study.core.figures import OF_FOLD
from study.core.records import FoldResult

Step = tuple[str, float, int]  # a figure's name, its value and its step


def fold_figures(result: FoldResult) -> list[Step]:
    """The figures at step 0, then what each epoch measured; its held-out score where that was taken."""
    named = [({"loss": e.loss, "distance": e.distance, "score": e.score}, e.epoch) for e in result.epochs]
    curve = [(f"epoch/{name}", v, epoch) for values, epoch in named for name, v in values.items() if v is not None]
    return [*((f"{OF_FOLD}{name}", float(value), 0) for name, value in result.metrics.items()), *curve]
