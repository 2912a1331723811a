"""What a study's results come to, for exports; the report makes the same of its record."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from study.config.members import TrialResult
from study.core.evidence.judgement import Judgement, judge, select_compared
from study.core.evidence.kept_answers import usable_answers
from study.core.evidence.table import ScoreTable, Worths, grain_of
from study.data.examples import Classified
from study.search.objectives import summary
from study.search.plan import Plan


def judge_results(plan: Plan, results: Mapping[int, TrialResult]) -> Judgement | None:
    """The judgement on the results that have every fold's score, repeats left out; None where there is none."""
    whole = {n: r for n, r in results.items() if r.complete and r.duplicate_of is None}
    if not whole:
        return None
    figures = {number: summary(result) for number, result in whole.items()}
    free = [n for n, r in whole.items() if (made := plan.adaptation_or_none(r.configuration)) and not made.trained]
    compared = select_compared({n: f["score"] for n, f in figures.items()}, [n for n, r in whole.items() if r.baseline])
    table = _table(plan, {number: whole[number] for number in compared})
    return judge(table, figures, plan.config.objectives, plan.tolerance, plan.config.report.confidence, free)


def _table(plan: Plan, results: Mapping[int, TrialResult]) -> ScoreTable:
    scores = np.full((len(results), len(plan.folds)), np.nan)
    for row, result in enumerate(results.values()):
        for fold in result.folds:
            scores[row, fold.fold] = fold.score
    sizes = np.array([len(fold.valid) for fold in plan.folds])
    answers = _answers(plan, list(results.values()), ~np.isnan(scores))
    return ScoreTable(tuple(results), scores, sizes, plan.config.study.folds, answers, grain_of(plan.metric))


def _answers(plan: Plan, results: list[TrialResult], trained: np.ndarray) -> Worths | None:
    folds = [sorted(result.folds, key=lambda f: f.fold) for result in results]
    kept = [[fold.answers for fold in row if fold.answers is not None] for row in folds]
    if any(len(row) < len(plan.folds) for row in kept):
        return None
    known, example = plan.examples, np.concatenate([f.valid for f in plan.folds])
    return usable_answers(
        trained,
        np.concatenate([np.full(len(f.valid), f.index) for f in plan.folds]),
        plan.metric,
        _stack([[each.predicted for each in row] for row in kept]),
        _stack([[each.worth for each in row] for row in kept]),
        known.labels[example] if isinstance(known, Classified) else None,
        None if known.groups is None else known.groups[example],
        example,
    )


def _stack(parts: list[list[np.ndarray | None]]) -> np.ndarray | None:
    """One row a trial, its folds side by side; None where one of them has nothing of the kind."""
    rows = [[part for part in row if part is not None] for row in parts]
    if any(len(row) < len(known) for row, known in zip(rows, parts, strict=True)):
        return None
    return np.stack([np.concatenate(row).astype(np.promote_types(row[0].dtype, np.int16)) for row in rows])
