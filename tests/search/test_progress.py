"""The bar knows the best so far, also after a resumption, and counts every fold once."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from study.config.members import Stop, TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.records import FoldResult
from study.search.progress import Progress


def progress() -> Progress:
    plan: Any = SimpleNamespace(config=StudyConfig(), folds=(0, 1))
    return Progress(plan)


def result(trial: int, *scores: float | None) -> TrialResult:
    folds = tuple(FoldResult(trial, k, s, metrics={} if s is None else {"score": s}) for k, s in enumerate(scores))
    return TrialResult(trial, Configuration(), folds, None, None)


def done(bar: Progress) -> float:
    return float(bar.bar.tasks[0].completed)


def test_the_best_is_known_as_soon_as_a_trials_last_fold_ends() -> None:
    bar, trial = progress(), result(0, 0.5, 0.75)
    bar.trial_started(0, "a")
    bar.fold_done(trial.folds[0])
    assert bar.best is None
    bar.fold_done(trial.folds[1])
    assert bar.best == (pytest.approx(0.625), "a")
    bar.trial_done(trial)
    assert done(bar) == 2


def test_trials_that_ended_before_this_run_count_with_all_their_folds_and_their_score() -> None:
    bar = progress()
    for trial in (result(0, 0.75, 0.75), result(1, 0.5, 0.5), result(2, 0.9, None)):
        bar.trial_started(trial.trial, f"trial {trial.trial}")
        bar.trial_done(trial)
    assert bar.best == (pytest.approx(0.75), "trial 0")  # the third has no whole score
    assert done(bar) == 6


def test_a_trial_that_stops_says_why_counts_with_all_its_folds_and_is_never_the_best(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar, part = progress(), result(4, 0.9)
    stop = Stop(4, 1, "adds more than 0.01 to the front with probability 0.02 (beside trial 3)", 3, 0.02)
    bar.trial_started(4, "r4 qv")
    bar.fold_done(part.folds[0])
    bar.trial_stopped(stop)
    bar.trial_done(replace(part, stopped=stop))
    assert capsys.readouterr().err == (
        "Trial 4 (r4 qv) stopped after 1 of 2 folds: it adds more than 0.01 to the front with probability 0.02 "
        "(beside trial 3).\n"
    )
    assert (done(bar), bar.best) == (2, None)


def test_while_costs_are_measured_alone_the_bar_says_so() -> None:
    bar = progress()
    with bar.measuring():
        assert [task.description for task in bar.bar.tasks] == ["study", "costs alone"]
    assert [task.description for task in bar.bar.tasks] == ["study"]
