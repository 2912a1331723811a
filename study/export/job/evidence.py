"""What the study knows of the configuration that is exported: scores, differences, limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from study import methods
from study.config.members import TrialResult
from study.config.schema import Configuration
from study.config.values import flatten
from study.core.alone import with_alone
from study.core.evidence.compare import Comparison, Contrast
from study.core.evidence.judgement import Judgement
from study.export.job.trained import Trained
from study.methods.layers import stored
from study.search.objectives import summary
from study.search.plan import Plan
from study.search.verdict import judge_results


@dataclass(frozen=True)
class Difference:
    """This trial's score less another's, as the study's one comparison of all its trials has it.

    `low` to `high` is the 95 % interval of this pair, `all_low` to `all_high` the one that holds for all pairs of the
    study at once; NaN where folds are too few.
    """

    name: str
    trial: int
    score: float
    mean: float
    low: float
    high: float
    all_low: float
    all_high: float


@dataclass(frozen=True)
class Evidence:
    """The facts of a model card.

    `test_score` is the exported model's own on examples that neither search nor training has seen, None where there are
    none; `within` is the probability that the configuration is within `tolerance` of the study's best, NaN where
    nothing measures it; `lost` is, by layer, the share of a dropped weight's norm that its two thin layers cannot
    express.
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
    within: float
    tolerance: float
    test_score: float | None
    lost: Mapping[str, float]
    notes: Mapping[str, str]


def gather(
    plan: Plan,
    chosen: TrialResult,
    results: Mapping[int, TrialResult],
    trained: Trained,
    test_score: float | None,
    alone: Mapping[int, Mapping[str, float]] | None = None,
) -> Evidence:
    """The evidence for one trial of a study; what was measured of trials `alone` decides whether they keep bounds."""
    linears = {name: trained.backbone.get_submodule(name) for name in trained.starts}
    judgement = _judgement(plan, chosen, results, alone or {})
    row = None if judgement is None else judgement.row(chosen.trial)
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
        differences=() if judgement is None or row is None else differences(plan, chosen, results, judgement),
        within=math.nan if judgement is None or row is None else float(judgement.verdict.within[row]),
        tolerance=plan.tolerance,
        test_score=test_score,
        lost={n: stored.lost_share(linears[n], s) for n, s in trained.starts.items()} if trained.dropped else {},
        notes=plan.examples.notes,
    )


def _settings(configuration: Configuration) -> dict[str, object]:
    """The configuration's values by key; of the method's keys only those that it reads."""
    read = {"method.kind", *(f"method.{name}" for name in methods.of(configuration).reads)}
    return {key: v for key, v in flatten(configuration).items() if not key.startswith("method.") or key in read}


def _judgement(
    plan: Plan, chosen: TrialResult, results: Mapping[int, TrialResult], alone: Mapping[int, Mapping[str, float]]
) -> Judgement | None:
    """The study's judgement, of the trials that its front may have and of the chosen one."""
    known = {n: with_alone({**summary(r), **alone.get(n, {})}) for n, r in results.items()}
    kept = {n: r for n, r in results.items() if not plan.broken(known[n])}
    return judge_results(plan, {**kept, chosen.trial: replace(chosen, broken=())})


def differences(
    plan: Plan, chosen: TrialResult, results: Mapping[int, TrialResult], judgement: Judgement
) -> tuple[Difference, ...]:
    """The differences of the trial from the best one and from each baseline that is compared, itself left out."""
    top = results[judgement.best]
    also = f", baseline {top.baseline}" if top.baseline else ""
    others = [(f"the best: {plan.label(top.configuration)}{also}", top)]
    compared = [results[int(number)] for number in judgement.table.numbers]
    others += [(f"baseline {r.baseline}", r) for r in compared if r.baseline and r.trial != top.trial]
    comparison, row = Comparison(judgement.estimates), judgement.row(chosen.trial)
    assert row is not None
    return tuple(
        _difference(name, other, comparison.against(judgement.table.numbers.index(other.trial))[row])
        for name, other in others
        if other.trial != chosen.trial
    )


def _difference(name: str, other: TrialResult, contrast: Contrast) -> Difference:
    """The chosen trial's contrast against another."""
    return Difference(
        name, other.trial, float(summary(other)["score"]), contrast.mean, contrast.low, contrast.high,
        contrast.simultaneous_low, contrast.simultaneous_high,
    )  # fmt: skip
