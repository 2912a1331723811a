"""Racing stops what is improbable to add to the front, seldom anything else, and keeps the front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from invented import Silent, asked, outcome, plan_of, run
from optuna.storages import InMemoryStorage

from study.config.schema import Configuration
from study.core.errors import ConfigError
from study.core.evidence.front_gain import adds_to_front
from study.core.figures import usual_tolerance
from study.core.records import FoldResult
from study.search import pruners
from study.search.driver import Driver
from study.search.plan import Plan
from study.search.pruners import Entry, Race
from study.search.pruners.racing import Board, Racing
from study.search.pruners.table import estimated_values
from study.search.races import Races

RANKS = 24
SMALL = ("study.folds=4", "study.trials=24", "search.round=8", "search.baselines=[]", "sampler=grid",
         "method.rank=" + ",".join(map(str, range(1, RANKS + 1))))  # fmt: skip
ALPHA, TOLERANCE = 0.05, 0.01
SEEDS = range(100)


class World:
    """True scores by rank, which rise to a plateau, and what folds and trainings make of them."""

    def __init__(self, seed: int, height: float = 0.1) -> None:
        rng = np.random.default_rng(seed)
        self.truth = 0.8 - height * np.exp(-np.arange(RANKS) / 3) + rng.normal(0, 0.05 * height, RANKS)
        self.cells = self.truth[:, None] + rng.normal(0, 0.02, 4) + rng.normal(0, 0.01, (RANKS, 4))

    def score(self, configuration: Configuration, fold: int) -> float:
        return float(self.cells[configuration.method.rank - 1, fold])

    def wrongly_stopped(self, driver: Driver) -> int:
        """The stopped trials whose true score is more than the tolerance above all that cost no more."""
        stopped = [r.configuration.method.rank for r in driver.results.values() if r.stopped]
        return sum(self.truth[r - 1] > max(self.truth[: r - 1], default=-1) + TOLERANCE for r in stopped)

    def regret(self, driver: Driver) -> float:
        """How much of the true score one gives up, at the budget where it is most, by what was stopped."""
        complete = {r.configuration.method.rank for r in driver.results.values() if r.complete}
        budgets = range(1, RANKS + 1)
        best = [max((self.truth[r - 1] for r in complete if r <= budget), default=-1) for budget in budgets]
        return float(max(max(self.truth[:budget]) - b for budget, b in zip(budgets, best, strict=True)))


def raced(seed: int, height: float = 0.1) -> tuple[World, Driver, int]:
    world = World(seed, height)
    driver, launcher = run(plan_of(*SMALL, "pruner=racing", seed=seed), world.score)
    return world, driver, len(launcher.ran)


@pytest.mark.parametrize(
    ("height", "seeds"),
    [
        pytest.param(0.1, SEEDS[:20], id="plateau"),
        pytest.param(0.1, SEEDS, id="plateau, many", marks=pytest.mark.long),
        pytest.param(0.0, SEEDS, id="nothing differs", marks=pytest.mark.long),
    ],
)
def test_what_adds_to_the_front_is_stopped_less_often_than_alpha_and_half_is_saved(height: float, seeds: range) -> None:
    wrong, stopped, trained, regrets = 0, 0, 0, []
    for seed in seeds:
        world, driver, folds = raced(seed, height)
        wrong += world.wrongly_stopped(driver)
        stopped += sum(r.stopped is not None for r in driver.results.values())
        trained += folds
        regrets.append(world.regret(driver))
    share = trained / (len(seeds) * RANKS * 4)
    print(f"\n{wrong} of {stopped} stops were wrong; {share:.0%} of the folds were trained; "
          f"at most {max(regrets):.4f} of the true score is given up, {np.mean(regrets):.4f} on average")  # fmt: skip
    assert wrong <= ALPHA * stopped
    assert share < 0.7
    assert np.mean(regrets) < TOLERANCE


def test_the_front_of_a_raced_study_is_that_of_the_whole_one_to_the_tolerance() -> None:
    for seed in range(5):
        world, driver, _ = raced(seed)
        whole, _ = run(plan_of(*SMALL, seed=seed), world.score)
        means = {r.configuration.method.rank: np.mean([f.score for f in r.folds]) for r in whole.results.values()}
        kept = {r.configuration.method.rank for r in driver.results.values() if r.complete}
        for budget in range(1, RANKS + 1):
            best = max((means[r] for r in kept if r <= budget), default=0.0)
            assert best > max(means[r] for r in range(1, budget + 1)) - 2.5 * TOLERANCE


def test_a_stopped_trial_says_beside_whom_and_how_improbable_it_was() -> None:
    _, driver, _ = raced(0)
    stops = [r.stopped for r in driver.results.values() if r.stopped]
    ranks = {r.trial: r.configuration.method.rank for r in driver.results.values()}
    assert len(stops) > 3
    for stop in stops:
        assert stop.probability is not None
        assert stop.rival is not None
        assert stop.probability < ALPHA
        assert ranks[stop.rival] < ranks[stop.trial]  # it costs less
        assert f"(beside trial {stop.rival})" in stop.reason
    assert {s.trial: s for s in stops} == {s.trial: s for s in driver.progress.stops}


def test_the_cheapest_is_never_stopped_however_low_it_scores() -> None:
    for seed in range(10):
        _, driver, _ = raced(seed)
        (cheapest,) = [r for r in driver.results.values() if r.configuration.method.rank == 1]
        assert cheapest.complete


def race_of(levels: list[float], trained: int, ceiling: float = 1.0) -> Race:
    """Eight complete trials at these levels and more, one that runs and one that has not begun, dearer each."""
    rng = np.random.default_rng(0)
    rows = [[float(min(level + e, ceiling)) for e in rng.normal(0, 0.002, 4)] for level in levels]
    entries = []
    for n, scores in enumerate(rows):
        folds = {k: FoldResult(n, k, s, {"score": s}) for k, s in enumerate(scores)}
        entries.append(Entry(n, "complete", folds, {"params/trainable": 10.0 * n}))
    cut = {k: f for k, f in entries[-1].folds.items() if k < trained}
    last = replace(entries[-1], state="running", folds=cut, open=True)
    return Race([*entries[:-1], last], [500] * 4)


def test_what_no_score_could_make_worth_its_cost_is_not_trained_at_all() -> None:
    racing = Racing(["score", "params/trainable"], 0)
    low, high = [0.80, 0.81, 0.82, 0.83, 0.84, 0.9], [0.80, 0.81, 0.82, 0.83, 0.997, 0.9]
    assert racing.stops(race_of(low, trained=0)) == []
    (stop,) = racing.stops(race_of(high, trained=0))
    assert (stop.trial, stop.folds, stop.rival) == (5, 0, 4)
    assert stop.reason.startswith("could add more than 0.01 to the front with probability at most ")


def test_where_a_cost_is_only_measured_nothing_is_known_before_the_first_fold() -> None:
    racing = Racing(["score", "latency/ms"], 0)
    assert racing.stops(race_of([0.80, 0.81, 0.82, 0.83, 0.997, 0.9], trained=0)) == []


def test_while_nothing_measures_the_error_nobody_is_stopped() -> None:
    first = race_of([0.8, 0.5], trained=1)
    entries = [replace(e, state="running", folds={0: e.folds[0]}) for e in first.entries]
    assert Racing(["score"], 0).stops(replace(first, entries=entries)) == []


def test_the_probability_is_that_of_the_evidence() -> None:
    rng = np.random.default_rng(1)
    draws, costs = rng.normal(0, 1, (500, 6)), rng.integers(0, 3, (6, 2)).astype(float)
    entries = [Entry(n, "running", {0: FoldResult(n, 0, 0.5, {"score": 0.5})}, open=True) for n in range(6)]
    board = Board(entries, draws, costs, 0.3)
    wanted = adds_to_front(draws, costs, 0.3)
    assert [board.probability(row) for row in range(6)] == pytest.approx(wanted.tolist())
    board.leave(2)
    left = [0, 1, 3, 4, 5]
    wanted = adds_to_front(draws[:, left], costs[left], 0.3)
    assert [board.probability(row) for row in left] == pytest.approx(wanted.tolist())


@pytest.mark.parametrize("objectives", [1, 2])
def test_whoever_leaves_in_whatever_order_the_probabilities_are_those_of_who_is_left(objectives: int) -> None:
    rng, size = np.random.default_rng(2), 30
    draws, costs = rng.normal(0, 1, (400, size)), rng.integers(0, 8, (size, objectives)).astype(float)
    entries = [Entry(n, "running", {0: FoldResult(n, 0, 0.5, {"score": 0.5})}, open=True) for n in range(size)]
    board, order = Board(entries, draws, costs, 0.3), rng.permutation(size)
    for step, trial in enumerate(order[:-1]):
        board.leave(int(trial))
        left = np.sort(order[step + 1 :])
        wanted = adds_to_front(draws[:, left], costs[left], 0.3)
        assert [board.probability(int(row)) for row in left] == wanted.tolist()
        assert board.open() == left.tolist()


def test_a_trial_that_stopped_on_an_easy_fold_is_estimated_without_its_ease() -> None:
    ease, rng = np.array([0.2, 0.0, -0.1, -0.1]), np.random.default_rng(2)
    levels = np.linspace(0.5, 0.6, 12)
    cells = levels[:, None] + ease + rng.normal(0, 0.001, (12, 4))
    entries = []
    for n, row in enumerate(cells.tolist()):
        folds = {k: FoldResult(n, k, s, {"score": s}) for k, s in enumerate(row) if n or k == 0}
        entries.append(Entry(n, "complete" if n else "stopped", folds, {"params/trainable": float(n)}))
    estimate = estimated_values(Race(entries, [100] * 4), [0], ["score", "params/trainable"])
    assert estimate[0] == pytest.approx([0.5, 0.0], abs=0.003)
    assert entries[0].scores[0] > 0.69  # what its fold alone says


def test_a_sampler_learns_a_stopped_trial_as_complete_with_its_estimate_and_the_same_after_a_restart() -> None:
    _, driver, _ = raced(3)
    ledger = driver.ledger
    ledger.searched.follow(ledger.trials())
    seen = ledger.searched.study.trials
    for trial, copy in zip(ledger.trials(), seen, strict=True):
        assert copy.state.name == "COMPLETE"
        assert copy.values == (trial.values or trial.user_attrs["estimate"])
    stopped = [t for t in ledger.trials() if t.state.name == "PRUNED"]
    assert {t.values for t in stopped} == {None}
    means = {r.trial: np.mean([f.score for f in r.folds]) for r in driver.results.values()}
    moved = [abs(t.user_attrs["estimate"][0] - means[t.number]) for t in stopped]
    assert max(moved) > 0.005  # the folds they had were easier or harder than all


def learning(pruner: str) -> Plan:
    return plan_of("study.folds=3", "study.trials=20", "search.round=4", "search.baselines=[]", "sampler=tpe",
                   "sampler.n_startup_trials=4", SMALL[-1], pruner)  # fmt: skip


def test_a_sampler_that_learns_asks_alike_with_one_worker_and_eight() -> None:
    world = World(0)
    one, eight = run(learning("pruner=racing"), world.score), run(learning("pruner=racing"), world.score, workers=8)
    assert outcome(one[0]) == outcome(eight[0])
    assert any(r.stopped for r in one[0].results.values())


WRONG = {
    "pruner.alpha=0": "pruner.alpha=0: is a probability; write a number between 0 and 1",
    "pruner.tolerance=-1": "pruner.tolerance=-1: is no score that one can lose; write a difference of scores",
    "pruner.tolerance=much": "pruner.tolerance=much: is no score that one can lose; write a difference of scores",
    "pruner.first=0": "pruner.first=0: is no number of folds; write 1 or more",
    "objectives=[score,loss]": "pruner=racing: weighs one score against costs, and objectives=",
    "objectives=[params/stored]": "has 0 scores; name one",
    "pruner.beta=1": "pruner.beta=1: is no argument of study.search.pruners.racing.Racing; choose among alpha",
}


@pytest.mark.parametrize("argument", WRONG)
def test_what_cannot_be_raced_is_said(argument: str) -> None:
    with pytest.raises(ConfigError) as raised:
        pruners.make(plan_of(*SMALL, "pruner=racing", argument).config)
    assert WRONG[argument] in str(raised.value)


def test_what_counts_as_more_is_what_the_studys_verdict_would_give_up() -> None:
    plan = plan_of(*SMALL, "pruner=racing")
    assert pruners.make(plan.config, plan.tolerance).tolerance == TOLERANCE
    assert pruners.make(plan.config, usual_tolerance("rouge2")).tolerance == 0.005
    said = plan_of(*SMALL, "pruner=racing", "report.tolerance=0.03")
    assert Races(said, asked(said, InMemoryStorage()), Silent()).pruner.tolerance == 0.03
    assert "report.tolerance" in said.values
    assert "report.tolerance" not in {**plan.values, **plan_of(*SMALL, "report.tolerance=0.03").values}
    given = plan_of(*SMALL, "pruner=racing", "report.tolerance=0.03", "pruner.tolerance=0.02")
    assert pruners.make(given.config, given.tolerance).tolerance == 0.02
    assert "report.tolerance" not in given.values


def test_a_pruner_of_optuna_takes_one_objective() -> None:
    median = ("+pruner._target_=optuna.pruners.MedianPruner", "+pruner.n_startup_trials=2")
    with pytest.raises(ConfigError, match=r"pruner=MedianPruner: knows one objective, and .* has 2; take"):
        pruners.make(plan_of(*SMALL, *median).config)
    world = World(0)
    one = run(plan_of(*SMALL, *median, "objectives=[score]"), world.score)
    eight = run(plan_of(*SMALL, *median, "objectives=[score]"), world.score, workers=8)
    assert outcome(one[0]) == outcome(eight[0])
    reasons = {r.stopped.reason for r in one[0].results.values() if r.stopped}
    assert reasons == {"is pruned by MedianPruner"}
