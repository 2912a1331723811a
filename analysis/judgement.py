"""The report's one comparison, made of a study's record as the search makes it of its results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.answers import OutOfFold
from analysis.references import Reference, usable_levels
from analysis.runs import StudyRuns
from analysis.study_info import json_or_none
from study.core.alone import with_alone
from study.core.evidence.judgement import Judgement, judge, select_compared
from study.core.evidence.kept_answers import usable_answers
from study.core.evidence.table import ScoreTable, Worths, grain_of
from study.core.figures import ALONE, COSTS, SPREAD, usual_tolerance
from study.core.records import PRUNED

MEASURED = [*COSTS, *ALONE.values(), *(name + SPREAD for name in ALONE.values())]
CONFIDENCE = 0.9  # of studies that did not record theirs


def compared_numbers(runs: StudyRuns) -> list[int]:
    """The trials that are compared in pairs: all that are complete, and with the folds that they have those that were
    stopped; of very many the baselines and the best. None where no trial is complete."""
    if runs.compared.empty:
        return []
    trials, stopped = runs.trials, runs.folds[runs.folds["number"].isin(stopped_numbers(runs))]
    means = dict(zip(runs.compared["number"], runs.compared["score"], strict=True))
    means |= stopped.groupby("number")["score"].mean().to_dict()
    return select_compared(means, set(trials.loc[trials["baseline"].notna(), "number"]), set(stopped["number"]))


def stopped_numbers(runs: StudyRuns) -> list[int]:
    """The trials that a pruner stopped, but for those that repeat another."""
    trials = runs.trials
    return list(trials.loc[(trials["state"] == PRUNED) & trials["duplicate_of"].isna(), "number"])


def judgement_of(
    runs: StudyRuns,
    references: Sequence[Reference] = (),
    answers: OutOfFold | None = None,
    tolerance: float | None = None,
    confidence: float | None = None,
) -> Judgement | None:
    """The judgement on the compared trials; None where there is none.

    What is not given is as the study has it: how much score a cheaper model may lose, and with which confidence.
    """
    numbers = compared_numbers(runs)
    if not numbers:
        return None
    rows = runs.trials.set_index("number").loc[numbers]
    figures = {int(number): with_alone(row.reindex(MEASURED)) for number, row in rows.iterrows()}
    levels = [*usable_levels(references, runs.info.metric).values()]
    return judge(
        _table(runs, numbers, answers), figures, runs.info.objectives, tolerance_of(runs, tolerance),
        _number(runs.info.params.get("report.confidence"), confidence, CONFIDENCE), free_numbers(rows), levels,
    )  # fmt: skip


def tolerance_of(runs: StudyRuns, given: float | None = None) -> float:
    """How much score a cheaper model may lose: as given, as the study says, or as is usual for its metric."""
    return _number(runs.info.params.get("report.tolerance"), given, usual_tolerance(runs.info.metric))


def _number(recorded: str | None, given: float | None, usual: float) -> float:
    if given is not None:
        return given
    return usual if recorded in (None, "None") else float(recorded)


def free_numbers(rows: pd.DataFrame) -> list[int]:
    """The numbers of the trials that train nothing but a head."""
    adapted = {number: json_or_none(text) or {} for number, text in rows["adaptation"].items()}
    return [int(n) for n in rows.index if rows.loc[n, "kind"] == "head" or adapted[n].get("trained") == 0]


def _table(runs: StudyRuns, numbers: Sequence[int], answers: OutOfFold | None) -> ScoreTable:
    """The scores of every fold, those of further cross-validations behind the first one's.

    Where a study of an early version kept none, each trial's mean as that of one fold.
    """
    scores = runs.folds.pivot(index="number", columns="fold", values="score").reindex(numbers)
    if not scores.shape[1] or scores.isna().all(axis=1).any():
        matrix = runs.trials.set_index("number").loc[list(numbers), ["score"]].to_numpy(float)
        return ScoreTable(tuple(numbers), matrix, np.full(1, np.nan), 1)
    splits = int(_number(runs.info.params.get("study.folds"), None, scores.shape[1]))
    further = runs.repeats.assign(fold=(runs.repeats["repeat"] * splits + runs.repeats["fold"]))
    further = further[further["number"].isin(numbers)].pivot(index="number", columns="fold", values="score")
    scores = pd.concat([scores, further.reindex(numbers)], axis=1)  # a fold that nobody has is no column
    matrix = scores.to_numpy(float)
    kept = None if answers is None else _answers(~np.isnan(matrix), scores.columns.to_numpy(int), splits, answers)
    if kept is not None:
        sizes = np.bincount(kept.fold, minlength=matrix.shape[1]).astype(float)
    else:
        sizes = np.full(matrix.shape[1], _number(runs.info.tags.get("examples"), None, np.nan) / splits)
    return ScoreTable(tuple(numbers), matrix, sizes, splits, kept, grain_of(runs.info.metric))


def _answers(trained: np.ndarray, folds: np.ndarray, splits: int, answers: OutOfFold) -> Worths | None:
    """The answers on the `folds`, columns of the scores; None where they are of others.

    Behind the indices of the first cross-validation's folds is that of the test.
    """
    fold = answers.fold - (answers.fold > splits)
    if list(np.unique(fold)) != list(folds):
        return None
    return usable_answers(
        trained, np.searchsorted(folds, fold), answers.metric, answers.predicted, answers.worth, answers.labels,
        answers.group, answers.example,
    )  # fmt: skip
