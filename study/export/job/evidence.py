"""What the study knows of the configuration that is exported: scores, differences, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from study import methods
from study.config.members import TrialResult
from study.config.schema import Configuration
from study.config.values import flatten
from study.export.job.choice import best
from study.export.job.trained import Trained
from study.methods.layers import stored
from study.search.objectives import summary
from study.search.plan import Plan


@dataclass(frozen=True)
class Difference:
    """How a trial's folds compare to another's, fold by fold: this one's scores less the other's.

    `low` and `high` bound the 95 % interval, corrected for shared training data (Nadeau & Bengio 2003); they are
    None where folds are too few.
    """

    name: str
    trial: int
    score: float
    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Evidence:
    """The facts of a model card.

    `test_score` is the exported model's own on examples that neither search nor training has seen, None where there are
    none; `lost` is, by layer, the share of a dropped weight's norm that its two thin layers cannot express.
    """

    study: str
    trial: int
    label: str
    task: str
    metric: str
    classes: tuple[str, ...]
    data_fingerprint: str
    folds_fingerprint: str
    examples: int
    test_examples: int
    settings: Mapping[str, object]
    figures: Mapping[str, float]
    folds: tuple[float, ...]
    differences: tuple[Difference, ...]
    test_score: float | None
    lost: Mapping[str, float]
    notes: Mapping[str, str]


def gather(
    plan: Plan, chosen: TrialResult, results: Mapping[int, TrialResult], trained: Trained, test_score: float | None
) -> Evidence:
    """The evidence for one trial of a study."""
    linears = {name: trained.backbone.get_submodule(name) for name in trained.starts}
    return Evidence(
        study=plan.config.study.name,
        trial=chosen.trial,
        label=plan.label(chosen.configuration),
        task=plan.config.task.name,
        metric=plan.metric,
        classes=trained.classes,
        data_fingerprint=plan.examples.fingerprint,
        folds_fingerprint=plan.folds_fingerprint,
        examples=len(plan.searched),
        test_examples=len(plan.test),
        settings=_settings(chosen.configuration),
        figures=summary(chosen),
        folds=tuple(f.score for f in chosen.folds if f.score is not None),
        differences=differences(plan, chosen, results),
        test_score=test_score,
        lost={n: stored.lost_share(linears[n], s) for n, s in trained.starts.items()} if trained.dropped else {},
        notes=plan.examples.notes,
    )


def _settings(configuration: Configuration) -> dict[str, object]:
    """The configuration's values by key; of the method's keys only those that it reads."""
    read = {"method.kind", *(f"method.{name}" for name in methods.of(configuration).reads)}
    return {key: v for key, v in flatten(configuration).items() if not key.startswith("method.") or key in read}


def differences(plan: Plan, chosen: TrialResult, results: Mapping[int, TrialResult]) -> tuple[Difference, ...]:
    """The differences of the trial from the best one and from each baseline, itself left out."""
    distinct = [r for r in results.values() if r.duplicate_of is None]
    top = best(distinct)
    also = f", baseline {top.baseline}" if top.baseline else ""
    others = [(f"the best: {plan.label(top.configuration)}{also}", top)]
    others += [(f"baseline {r.baseline}", r) for r in distinct if r.baseline and r.trial != top.trial]
    return tuple(_difference(name, chosen, other) for name, other in others if other.trial != chosen.trial)


def _difference(name: str, chosen: TrialResult, other: TrialResult) -> Difference:
    """The difference of the chosen trial from another, fold by fold."""
    import pandas as pd

    from study.core.evidence import paired_difference

    mine, theirs = (pd.Series({f.fold: f.score for f in r.folds}) for r in (chosen, other))
    paired = paired_difference(mine, theirs, nadeau_bengio=True)
    low, high = (None if pd.isna(x) else float(x) for x in (paired.low, paired.high))
    return Difference(name, other.trial, float(summary(other)["score"]), paired.mean, low, high)
