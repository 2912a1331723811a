"""What the search leaves undecided is cross-validated again, in pairs, once, and as a function of the results alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from invented import Cut, Score, Store, outcome, plan_of, run, run_with_repeats

from study.config.schema import Configuration
from study.core import seeding
from study.core.evidence.judgement import Judgement
from study.core.records import FoldResult
from study.data.folds import repeat_index, repeat_of
from study.record.none import NoTracker
from study.search.driver import Driver
from study.search.plan import Plan
from study.search.verdict import judge_results

K = 3
SMALL = ("study.folds=3", "study.trials=6", "search.baselines=[head]", "sampler=grid", "method.rank=1,2,4,8,16")
NOISE = 0.06


def level(configuration: Configuration) -> float:
    """The head is hopeless, and of the others nobody can say which is better."""
    return 0.5 if configuration.method.kind == "head" else 0.8


def draw(configuration: Configuration, fold: int) -> float:
    """Noise of a training, between -1 and 1."""
    return seeding.derive(0, configuration.method.kind, str(configuration.method.rank), fold) % 2001 / 1000 - 1


def noisy(configuration: Configuration, fold: int) -> float:
    return level(configuration) + NOISE * draw(configuration, fold)


def clear(configuration: Configuration, fold: int) -> float:
    return level(configuration) + 0.0001 * draw(configuration, fold)


def failing(configuration: Configuration, fold: int) -> float | None:
    return None if (configuration.method.rank, fold) == (4, repeat_index(K, 1, 2)) else noisy(configuration, fold)


def plan(repeats: object = 1, *more: str, **settings: Any) -> Plan:
    return plan_of(*SMALL, f"study.repeats={repeats}", *more, **settings)


def further(driver: Driver) -> dict[tuple[int, int, int], float | None]:
    """The scores of further cross-validations by trial, cross-validation and fold."""
    return {
        (number, *repeat_of(K, each.fold)): each.score
        for number, result in driver.results.items()
        for each in result.repeats
    }


def notes_of(driver: Driver) -> list[str]:
    progress: Any = driver.progress
    return list(progress.notes)


def judged(driver: Driver) -> Judgement:
    judgement = judge_results(driver.plan, driver.results)
    assert judgement is not None
    return judgement


def by_repeat(driver: Driver) -> dict[int, set[int]]:
    """Which trials each further cross-validation has."""
    trials: dict[int, set[int]] = {}
    for trial, number, _ in further(driver):
        trials.setdefault(number, set()).add(trial)
    return trials


def test_one_cross_validation_is_all_that_is_trained_where_no_more_is_asked_for() -> None:
    driver, launcher = run_with_repeats(plan(), noisy)
    _, search = run(plan(), noisy)
    assert launcher.ran == search.ran
    assert further(driver) == {}
    assert notes_of(driver) == []


def test_where_nobody_is_undecided_nothing_trains_and_a_line_says_so() -> None:
    driver, launcher = run_with_repeats(plan(4), clear)
    assert {fold for _, fold in launcher.ran} == set(range(K))
    notes = notes_of(driver)
    assert notes == ["The choice is decided, so that study.repeats trains nothing"]


def test_what_is_undecided_trains_on_the_same_new_folds_with_the_same_seeds() -> None:
    driver, launcher = run_with_repeats(plan(3), noisy)
    trials = by_repeat(driver)
    assert set(trials) == {1, 2}
    assert 0 not in trials[1]  # the head is no candidate
    assert len(trials[1]) >= 2
    assert judged(driver).recommended in trials[1]
    for number, chosen in trials.items():
        assert {(t, k) for t, n, k in further(driver) if n == number} == {(t, k) for t in chosen for k in range(K)}
        for k in range(K):
            index = repeat_index(K, number, k)
            assert {launcher.seeds[t, index] for t in chosen} == {seeding.derive(0, "repeat", number, k)}
    assert len(set(launcher.seeds.values())) == 3 * K


def test_a_further_cross_validation_has_folds_of_its_own_of_the_same_searched_examples() -> None:
    made = plan(3)
    held_out = [[fold.valid.tolist() for fold in folds] for folds in (made.folds, made.repeat(1), made.repeat(2))]
    assert [sorted(itertools.chain(*parts)) for parts in held_out] == [made.searched.tolist()] * 3
    assert held_out[0] != held_out[1] != held_out[2]
    folds = made.data.folds
    assert [fold.index for fold in folds] == list(range(3 * K + 1))
    assert folds[K].valid.tolist() == made.test.tolist()
    assert [repeat_of(K, fold.index) for fold in folds[K + 1 :]] == [(r, k) for r in (1, 2) for k in range(K)]
    assert plan(1).data.folds[-1].index == K


def test_objectives_stay_those_of_the_first_cross_validation_and_the_judgement_rests_on_all() -> None:
    once, _ = run_with_repeats(plan(), noisy)
    thrice, _ = run_with_repeats(plan(3), noisy)
    assert outcome(once) == outcome(thrice)
    assert (judged(once).table.repeats, judged(thrice).table.repeats) == (1, 3)
    chosen = [row for row, number in enumerate(judged(thrice).table.numbers) if number in by_repeat(thrice)[2]]
    assert judged(thrice).table.trained[chosen].all()


SCORES: dict[str, Score] = {"noise": noisy, "failing": failing}


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("repeats", [3, "auto"])
def test_one_worker_and_eight_give_the_same_repeats(score: Score, repeats: object) -> None:
    one, eight = (run_with_repeats(plan(repeats), score, workers=workers) for workers in (1, 8))
    assert (outcome(one[0]), further(one[0])) == (outcome(eight[0]), further(eight[0]))
    assert one[1].ran != eight[1].ran
    assert sorted(one[1].ran) == sorted(eight[1].ran)


@pytest.mark.parametrize(
    "score", [pytest.param(noisy, id="noise"), pytest.param(failing, id="failing", marks=pytest.mark.long)]
)
def test_a_study_that_is_cut_off_before_any_write_of_its_repeats_ends_as_if_it_had_not_been(score: Score) -> None:
    _, search = run(plan(3), score, first := Store())
    whole, trained = run_with_repeats(plan(3), score, store := Store())
    assert store.writes - first.writes == len(trained.ran) - len(search.ran) >= 2 * 2 * K
    for cut in range(first.writes, store.writes):
        again = Store()
        again.cut = cut
        with pytest.raises(Cut):
            run_with_repeats(plan(3), score, again)
        again.cut = -1
        resumed, more = run_with_repeats(plan(3), score, again)
        assert (outcome(resumed), further(resumed)) == (outcome(whole), further(whole)), f"cut before write {cut}"
        assert all(pack in trained.packs for pack in more.packs)  # as it would have, and no pack that was whole
        assert len(more.packs) <= 1 + (store.writes - cut) // 2


def test_the_same_command_with_a_larger_number_goes_on_and_trains_nothing_twice() -> None:
    store = Store()
    _, first = run_with_repeats(plan(2), noisy, store)
    longer, second = run_with_repeats(plan(4), noisy, store)
    at_once, _ = run_with_repeats(plan(4), noisy)
    assert not set(first.ran) & set(second.ran)
    assert (outcome(longer), further(longer)) == (outcome(at_once), further(at_once))
    shorter, third = run_with_repeats(plan(1), noisy, store)
    assert third.ran == []
    assert further(shorter) == further(at_once)  # what is there counts, however many are asked for


def test_auto_takes_no_more_fold_trainings_than_the_search_and_says_where_that_was_not_enough() -> None:
    driver, launcher = run_with_repeats(plan("auto"), noisy)
    searched = [fold for _, fold in launcher.ran if fold < K]
    repeated = [fold for _, fold in launcher.ran if fold > K]
    assert 0 < len(repeated) <= len(searched)
    assert "study.repeats=auto has used as many fold-trainings as the search" in notes_of(driver)[-1]
    further_one = len(judged(driver).verdict.undecided) * K
    assert len(repeated) + further_one > len(searched)


def better(configuration: Configuration, fold: int) -> float:
    """One of them is better than the rest by three quarters of what a training varies by."""
    return noisy(configuration, fold) + 0.045 * (configuration.method.rank == 2)


def test_repeats_end_as_soon_as_the_choice_is_decided() -> None:
    driver, _ = run_with_repeats(plan(20, "study.folds=8"), better)
    assert judged(driver).verdict.undecided == ()
    assert 1 < judged(driver).table.repeats < 20
    decided = f"The choice is decided after {judged(driver).table.repeats} cross-validations"
    assert notes_of(driver)[-1] == decided


def test_a_training_that_fails_is_said_kept_and_counted_as_missing() -> None:
    driver, _ = run_with_repeats(plan(2), failing)
    (failed,) = [key for key, score in further(driver).items() if score is None]
    assert failed[1:] == (1, 2)
    said = f"Trial {failed[0]} has no score in cross-validation 2, fold 2 (it is invented to fail)"
    assert said in notes_of(driver)
    table = judged(driver).table
    assert np.isnan(table.scores[list(table.numbers).index(failed[0]), 2 * K - 1])


class Kept(NoTracker):
    """A tracker that keeps what it is told of repeats."""

    def __init__(self) -> None:
        self.folds: list[tuple[int, int, int]] = []
        self.figures: dict[int, dict[str, float]] = {}

    def repeat(self, result: FoldResult, number: int, fold: int) -> None:
        self.folds.append((result.trial, number, fold))

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        self.figures[number] = figures


def test_every_fold_and_the_figures_of_repeats_are_recorded_and_again_where_a_study_goes_on() -> None:
    store, first, second = Store(), Kept(), Kept()
    driver, _ = run_with_repeats(plan(3), noisy, store, tracker=first)
    run_with_repeats(plan(3), noisy, store, tracker=second)
    assert sorted(first.folds) == sorted(second.folds) == sorted(further(driver))
    assert first.figures == second.figures
    trial = min(by_repeat(driver)[2])
    scores = [further(driver)[trial, 2, k] for k in range(K)]
    figures = first.figures[trial]
    assert [figures[f"repeat_2/fold_{k}"] for k in range(K)] == scores
    assert figures["repeat_2/score"] == pytest.approx(np.mean(scores))
    everything = [f.score for f in (*driver.results[trial].folds, *driver.results[trial].repeats)]
    assert figures["repeats/score"] == pytest.approx(np.mean(everything))
    assert figures["repeats/count"] == 1 + len({n for t, n, _ in further(driver) if t == trial})


def test_what_breaks_a_constraint_is_not_cross_validated_again() -> None:
    bound = "constraints=['params/trainable <= 60k']"
    driver, _ = run_with_repeats(plan(2, bound), noisy)
    broken = {number for number, result in driver.results.items() if result.state == "infeasible"}
    assert broken
    assert not broken & by_repeat(driver).get(1, set())
