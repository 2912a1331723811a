"""Folds are trained in breadth where a pruner decides between them, and the study stays a function of its results."""

from __future__ import annotations

import pytest
from invented import Cut, Score, Store, outcome, plan_of, run

from study.config.schema import Configuration
from study.core import seeding

RANKS = "method.rank=" + ",".join(map(str, range(1, 25)))
SMALL = ("study.folds=3", "study.trials=16", "search.round=6", "search.baselines=[head,lora]", "sampler=random", RANKS)
FLOOR = "pruner=floor"
CONSTRAINED = "constraints=['params/trainable <= 150k']"
PRUNERS = {
    "floor": (FLOOR,), "none": ("pruner=none",), "racing": ("pruner=racing",), "both": ("pruner=racing", CONSTRAINED)
}  # fmt: skip


def noise(configuration: Configuration, fold: int) -> float:
    """A level between 0 and 1, of the method and its rank, and a little that the fold adds."""
    key = configuration.method.kind, str(configuration.method.rank)
    return seeding.derive(0, *key) % 1000 / 1000 + seeding.derive(0, *key, fold) % 1000 / 50000


def failing(configuration: Configuration, fold: int) -> float | None:
    return None if (configuration.method.rank % 3, fold) == (1, 1) else noise(configuration, fold)


REPRODUCIBLE = ("rounds", "rolling")  # schedules
SCORES: dict[str, Score] = {"noise": noise, "failing": failing}


def test_without_a_pruner_a_round_trains_at_once_and_with_one_fold_after_fold() -> None:
    _, whole = run(plan_of(*SMALL, "pruner=none"), noise)
    assert [{f for _, f in pack} for pack in whole.packs[:4]] == [{0}, {0, 1}, {1, 2}, {2}]  # four share a prefix
    driver, raced = run(plan_of(*SMALL, FLOOR), noise)
    assert all(len({f for _, f in pack}) == 1 for pack in raced.packs)
    first = [fold for trial, fold in raced.ran if trial < 6]
    assert first == sorted(first)
    assert 3 < sum(r.stopped is not None for r in driver.results.values()) < 14


@pytest.mark.parametrize("pruner", PRUNERS.values(), ids=PRUNERS)
@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("schedule", REPRODUCIBLE)
def test_one_worker_and_eight_give_the_same_study(schedule: str, score: Score, pruner: tuple[str, ...]) -> None:
    plan = plan_of(*SMALL, f"search.schedule={schedule}", *pruner)
    one, eight = run(plan, score), run(plan, score, workers=8)
    assert outcome(one[0]) == outcome(eight[0])
    assert one[1].ran != eight[1].ran
    assert sorted(one[1].ran) == sorted(eight[1].ran)


@pytest.mark.parametrize(
    "pruner",
    [
        pytest.param(pruner, id=name, marks=[pytest.mark.long] * (name in ("floor", "both")))
        for name, pruner in PRUNERS.items()
    ],
)
@pytest.mark.parametrize(
    "score",
    [pytest.param(score, id=name, marks=[pytest.mark.long] * (name == "failing")) for name, score in SCORES.items()],
)
@pytest.mark.parametrize("schedule", REPRODUCIBLE)
def test_a_study_that_is_cut_off_before_any_of_its_writes_ends_as_if_it_had_not_been(
    schedule: str, score: Score, pruner: tuple[str, ...]
) -> None:
    plan = plan_of(*SMALL, "study.trials=9", "search.round=4", f"search.schedule={schedule}", *pruner)
    whole, trained = run(plan, score, store := Store())
    for cut in range(1, store.writes):
        again = Store()
        again.cut = cut
        with pytest.raises(Cut):
            run(plan, score, again)
        again.cut = -1
        resumed, _ = run(plan, score, again)
        assert outcome(resumed) == outcome(whole), f"cut before write {cut}"
    assert len(trained.ran) > 9
    assert any(r.stopped for r in whole.results.values()) == (pruner != PRUNERS["none"])


def low(configuration: Configuration) -> float | None:
    """Too little for the pruner, and of LoRA of rank 8 nothing at all."""
    return None if (configuration.method.kind, configuration.method.rank) == ("lora", 8) else 0.1


def test_baselines_are_never_asked_about_and_what_failed_trains_no_further() -> None:
    driver, launcher = run(plan_of(*SMALL, FLOOR), lambda c, fold: low(c))
    states = [t.state.name for t in driver.ledger.trials()]
    assert states[:2] == ["COMPLETE", "FAIL"]  # the head, and LoRA of rank 8
    assert set(states[2:]) <= {"PRUNED", "FAIL"}
    assert [f for t, f in launcher.ran if t == 0] == [0, 1, 2]
    assert [f for t, f in launcher.ran if t == 1] == [0]
