"""What needs no training: scores of the study that trials are held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

from study.core import formatting as fmt
from study.core.figures import CEILINGS, ERROR

PREFIX, TEST = "reference/", "test/"
MEANING = {
    "majority": "always the most frequent class",
    "lead": "the first sentences",
    "highlights": "the sentences that are marked, by people or as the task says",
    "oracle": "the sentences that come nearest, chosen with the reference at hand",
}


@dataclass(frozen=True)
class Reference:
    """One metric of one reference: mean and standard error over the folds, and on the test; NaN where unknown."""

    name: str
    metric: str
    mean: float
    se: float
    test: float


def recorded_references(metrics: Mapping[str, float]) -> tuple[Reference, ...]:
    """The references among a study run's own metrics, in the order of their names; none where none were recorded."""
    recorded = []
    for key in sorted(metrics):
        name, _, metric = key.removeprefix(PREFIX).partition("/")
        if key.startswith(PREFIX) and not metric.startswith(TEST) and not metric.endswith(ERROR):
            test = metrics.get(f"{PREFIX}{name}/{TEST}{metric}", nan)
            recorded.append(Reference(name, metric, metrics[key], metrics.get(f"{key}{ERROR}", nan), test))
    return tuple(recorded)


def levels_of(references: Sequence[Reference], metric: str) -> dict[str, float]:
    """The scores of that metric that need no training, by name."""
    return {r.name: r.mean for r in references if r.metric == metric}


def usable_levels(references: Sequence[Reference], metric: str) -> dict[str, float]:
    """Those of them that one could use instead of a trained model."""
    return {name: level for name, level in levels_of(references, metric).items() if name not in CEILINGS}


def reference_cells(reference: Reference) -> dict[str, str]:
    """A table's row: heading → cell."""
    return {
        "Without training": reference.name,
        "What it is": MEANING.get(reference.name, fmt.MISSING),
        "Metric": reference.metric,
        "Mean ± SE": fmt.with_se(reference.mean, reference.se),
        "Test": fmt.number(reference.test),
    }
