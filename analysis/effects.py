"""What each searched key does to a study's score, over all trials that the search asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.runs import StudyRuns
from study.core.figures import FOLD, PARTIAL
from study.core.records import PRUNED
from study.core.surface.effects import Surface, surface
from study.core.surface.knobs import Knob, knobs_of


@dataclass(frozen=True)
class Effects:
    """The `surface` of gains, and the `trials` that it was made from, a row each in the knobs' order.

    A gain times `sign` is a score; there is no surface where too few trials differ in a searched key.
    """

    trials: pd.DataFrame
    knobs: tuple[Knob, ...]
    sign: float
    surface: Surface | None


def effects_of(runs: StudyRuns) -> Effects:
    """The effects of the searched keys, from all folds of trials that the search asked for, which baselines are not."""
    trials = _trials_with_folds(runs)
    columns = runs.settings.loc[trials["number"]]
    knobs = knobs_of({str(key): list(columns[key]) for key in columns}, runs.info.sweeps)
    sign = 1.0 if runs.info.higher_is_better else -1.0
    return Effects(trials, knobs, sign, surface(knobs, sign * _scores(trials)))


def _trials_with_folds(runs: StudyRuns) -> pd.DataFrame:
    """The compared trials, and with their folds those that were stopped early, whose others would be missed."""
    trials = runs.trials
    folds = trials[[c for c in trials.columns if str(c).startswith(FOLD)]]
    stopped = (trials["state"] == PRUNED) & trials["duplicate_of"].isna() & folds.notna().any(axis=1)
    there = trials["number"].isin(runs.compared["number"]) | stopped
    return trials[there & trials["baseline"].isna() & trials["number"].isin(runs.settings.index)]


def _scores(trials: pd.DataFrame) -> np.ndarray:
    """The folds' scores [C, F], or the trials' own [C] where a trial has none of its folds."""
    folds = trials[[c for c in trials.columns if str(c).startswith(FOLD)]].dropna(axis=1, how="all").to_numpy(float)
    whole = folds.shape[1] > 0 and not np.isnan(folds).all(axis=1).any()
    means = trials["score"].fillna(trials[f"{PARTIAL}score"])
    return np.asarray(folds) if whole else means.to_numpy(float)
