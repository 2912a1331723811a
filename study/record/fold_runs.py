"""What a fold's run holds: the fold's figures under names of their own, its curve by epoch, and its status."""

from __future__ import annotations

from study.core.figures import OF_FOLD
from study.core.records import FoldResult
from study.record.runs import Ended
from study.record.tags import fold_tags

Step = tuple[str, float, int]  # a figure's name, its value and its step


def fold_run(result: FoldResult, name: str, tags: dict[str, str], trial: str) -> Ended:
    """The whole run of a fold below its trial's."""
    status = "FAILED" if result.error else "FINISHED"
    run = (name, "fold", {**tags, **fold_tags(result)}, trial)
    return Ended(*run, fold_figures(result), status, result.started, result.ended)


def fold_figures(result: FoldResult) -> list[Step]:
    """The figures at step 0, then what each epoch measured; its held-out score where that was taken."""
    named = [({"loss": e.loss, "distance": e.distance, "score": e.score}, e.epoch) for e in result.epochs]
    curve = [(f"epoch/{name}", v, epoch) for values, epoch in named for name, v in values.items() if v is not None]
    return [*((f"{OF_FOLD}{name}", float(value), 0) for name, value in result.metrics.items()), *curve]
