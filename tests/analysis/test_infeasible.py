"""What breaks a constraint is shown with it; where everything does the report says which, how many and how nearly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.brief import markdown_of
from analysis.every_trial import trials_grid
from analysis.findings import findings_of, headline
from analysis.options import Options
from analysis.page import page_of
from analysis.report import read_findings
from analysis.runs import StudyRuns, count_left_out, load_study
from analysis.view import view_of

UNTRAINED = "it breaks params/trainable<=6000 with 12345"


def with_infeasible(store: str, broken: dict[int, str], untrained: tuple[int, ...] = ()) -> StudyRuns:
    """The demo study in which these of its trials break bounds: trained ones with what they break, others at once."""
    runs = load_study("demo", store)
    trials = runs.trials.copy()
    for number, text in broken.items():
        trials.loc[trials["number"] == number, ["state", "broken"]] = "infeasible", text
    for number in untrained:
        trials.loc[trials["number"] == number, ["state", "stopped"]] = "infeasible", UNTRAINED
        trials.loc[trials["number"] == number, ["score", "params/trainable"]] = float("nan")
    return replace(runs, trials=trials, left_out=count_left_out(trials))


BOUND = "params/trainable<=50"


def test_where_every_trial_breaks_a_constraint_the_answer_names_it_how_many_do_and_which_comes_nearest(
    store: str,
) -> None:
    runs = with_infeasible(store, dict.fromkeys(range(5), BOUND))
    said = headline(findings_of(runs))
    assert "yet" not in said
    assert said == (
        "No trial keeps the study's constraints, so that there is nothing to recommend: params/trainable<=50 is broken "
        "by 5 of 7 trials, trial 0 (head) by least, with 100."
    )


def test_what_was_not_trained_counts_with_what_was_known_of_it(store: str) -> None:
    runs = with_infeasible(store, {}, tuple(range(5)))
    assert "params/trainable<=6000 is broken by 5 of 7 trials, trial 0 (head) by least, with 12,345" in headline(
        findings_of(runs)
    )


@pytest.mark.parametrize("untrue", ["kept no answers", "is not recorded. A study of an earlier version"])
def test_nothing_is_laid_to_an_earlier_version_where_nothing_is_compared(store: str, untrue: str) -> None:
    view = view_of(read_findings(with_infeasible(store, dict.fromkeys(range(5), BOUND)), store, Options()))
    for text in (page_of(view), markdown_of(view)):
        assert untrue not in text
        assert "by 5 of 7 trials" in text


def test_a_trial_says_what_it_breaks_with_how_much(store: str) -> None:
    runs = with_infeasible(store, {1: f"{BOUND}, latency/ms<=25"}, (2,))
    reasons = [row[-2] for row in trials_grid(runs).rows]
    assert reasons[1] == "breaks params/trainable<=50 with 1,000 and latency/ms<=25 with –"
    assert reasons[2] == UNTRAINED


def test_a_baseline_that_breaks_a_constraint_is_shown_and_marked_and_bought_by_no_budget(store: str) -> None:
    view = view_of(findings_of(with_infeasible(store, {0: BOUND})))
    ((_, name, *_),) = view.baselines.rows
    assert name == "head (breaks params/trainable<=50 with 100)"
    shown = {trial["number"]: trial.get("infeasible") for trial in view.explorer["trials"]}
    assert shown == {0: "breaks params/trainable<=50 with 100", 1: None, 2: None, 3: None, 4: None}
    bought = [step["trial"] for ladder in view.explorer["budgets"].values() for step in ladder["steps"]]
    assert bought
    assert 0 not in bought
    assert view.explorer["left_out"] == 0
