"""What a study's results come to, for exports; the report makes the same of its record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from study.config.members import TrialResult
from study.core.alone import with_alone
from study.core.evidence.judgement import Judgement, judge, select_compared
from study.core.evidence.kept_answers import usable_answers
from study.core.evidence.table import ScoreTable, Worths, grain_of
from study.core.records import PRUNED, Fold
from study.data.examples import Classified
from study.data.folds import repeat_of
from study.search.objectives import summary
from study.search.plan import Plan


def judge_results(
    plan: Plan,
    results: Mapping[int, TrialResult],
    alone: Mapping[int, Mapping[str, float]] = MappingProxyType({}),
    levels: Sequence[float] = (),
) -> Judgement | None:
    """The judgement on the results that have every fold's score, by all their cross-validations; None where there is
    none.

    What was stopped before its last fold is compared with them by the folds that it has, but not chosen; what repeats
    another trial, failed or breaks a constraint is left out.
    What was measured of a trial `alone` on the machine counts instead of what the search saw of its costs. `levels` are
    the scores of what needs no training.
    """
    judged = {n: r for n, r in results.items() if r.duplicate_of is None and (_may_be_chosen(r) or _was_stopped(r))}
    if not any(map(_may_be_chosen, judged.values())):
        return None
    figures = {number: with_alone({**summary(r), **alone.get(number, {})}) for number, r in judged.items()}
    free = [n for n, r in judged.items() if (made := plan.adaptation_or_none(r.configuration)) and not made.trained]
    compared = select_compared(
        {n: f["score"] for n, f in figures.items()},
        [n for n, r in judged.items() if r.baseline],
        [n for n, r in judged.items() if _was_stopped(r)],
    )
    table = _table(plan, {number: judged[number] for number in compared})
    return judge(table, figures, plan.config.objectives, plan.tolerance, plan.config.report.confidence, free, levels)


def _may_be_chosen(result: TrialResult) -> bool:
    """Whether a trial has every fold and keeps every constraint."""
    return result.complete and not result.broken


def _was_stopped(result: TrialResult) -> bool:
    """Whether a pruner stopped a trial that had begun."""
    return result.state == PRUNED and result.failure is None and len(result.folds) > 0


def _table(plan: Plan, results: Mapping[int, TrialResult]) -> ScoreTable:
    """The scores of every fold that one of the results has; further cross-validations behind the first."""
    folds, rows = _folds(plan, results.values()), list(results.values())
    scores = np.full((len(rows), len(folds)), np.nan)
    columns = {fold.index: column for column, fold in enumerate(folds)}
    for row, result in enumerate(rows):
        for each in (*result.folds, *result.repeats):
            if each.score is not None:
                scores[row, columns[each.fold]] = each.score
    sizes = np.array([len(fold.valid) for fold in folds])
    answers = _answers(plan, rows, folds, ~np.isnan(scores))
    return ScoreTable(tuple(results), scores, sizes, len(plan.folds), answers, grain_of(plan.metric))


def _folds(plan: Plan, results: Iterable[TrialResult]) -> list[Fold]:
    """The folds of the first cross-validation, and those of further ones that any result has a score of."""
    scored = {each.fold for result in results for each in result.repeats if each.score is not None}
    numbers = sorted({repeat_of(len(plan.folds), index)[0] for index in scored})
    return [*plan.folds, *(fold for number in numbers for fold in plan.repeat(number) if fold.index in scored)]


def _answers(plan: Plan, results: list[TrialResult], folds: list[Fold], trained: np.ndarray) -> Worths | None:
    """The answers behind a table, None where a fold that was scored has none."""
    by_fold = [{each.fold: each.answers for each in (*result.folds, *result.repeats)} for result in results]
    kept = [[row.get(fold.index) for fold in folds] for row in by_fold]
    known, example = plan.examples, np.concatenate([fold.valid for fold in folds])
    return usable_answers(
        trained,
        np.concatenate([np.full(len(fold.valid), column) for column, fold in enumerate(folds)]),
        plan.metric,
        _stack([[None if each is None else each.predicted for each in row] for row in kept], folds, -1),
        _stack([[None if each is None else each.worth for each in row] for row in kept], folds, np.nan),
        known.labels[example] if isinstance(known, Classified) else None,
        None if known.groups is None else known.groups[example],
        example,
    )


def _stack(parts: list[list[np.ndarray | None]], folds: list[Fold], missing: float) -> np.ndarray | None:
    """One row a trial, its folds side by side, `missing` where one has nothing of the kind; None where none has."""
    if all(part is None for row in parts for part in row):
        return None
    kind = np.int64 if missing == -1 else np.float64
    return np.stack([
        np.concatenate([
            np.full(len(fold.valid), missing, kind) if part is None else part.astype(kind)
            for part, fold in zip(row, folds, strict=True)
        ])
        for row in parts
    ])  # fmt: skip
