"""`study.until`: no fold is begun that is expected to end later, the study stops in good order and goes on later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from invented import Invented, Silent, one_by_one, outcome, plan_of, stored_in
from optuna.storages import InMemoryStorage
from reliability.clock import Clock

from study.config.compose import compose
from study.config.members import Member
from study.config.schema import Configuration
from study.core import seeding
from study.core.errors import ConfigError
from study.core.records import FoldResult
from study.launch import Packs, nothing
from study.record.none import NoTracker
from study.search import deadline
from study.search.deadline import Deadline, NoDeadline, OutOfTime, deadline_of, left_over
from study.search.driver import Driver
from study.search.ledger import Ledger
from study.search.plan import Plan

RANKS = "method.rank=" + ",".join(map(str, range(1, 25)))
SMALL = (
    "study.folds=3", "study.trials=8", "search.round=4", "search.baselines=[]", "sampler=random", "engine.pack=1",
    RANKS,
)  # fmt: skip


def noise(configuration: Configuration, fold: int) -> float:
    return seeding.derive(0, str(configuration.method.rank), fold) % 1000 / 1000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(deadline, "time", made)
    return made


class Timed(Invented):
    """A launcher of one worker that takes one pack after the other, each of which takes so many seconds."""

    clock: Clock
    seconds: float = 10.0

    def run(self, packs: Packs, more: Callable[[], Packs] = nothing) -> Iterator[FoldResult]:
        for pack in one_by_one(packs, more):
            self.packs.append([(m.trial, m.fold) for m in pack])
            self.clock.now += self.seconds
            for member in pack:
                self.ran.append((member.trial, member.fold))
                yield replace(self._result(member), started=self.clock.now - self.seconds, ended=self.clock.now)


def run(plan: Plan, store: InMemoryStorage, clock: Clock) -> tuple[Driver, list[tuple[int, int]], bool]:
    """A run of the study's command: its driver, what it trained, and whether its time was over."""
    launcher: Any = Timed(plan, noise)
    launcher.clock = clock
    progress: Any = Silent()
    with stored_in(store):
        driver = Driver(plan, Ledger(plan), NoTracker(), progress, launcher)
        try:
            driver.run()
        except OutOfTime:
            return driver, launcher.ran, True
    return driver, launcher.ran, False


@pytest.mark.parametrize("seconds", [1, 9, 10, 11, 35, 130, 239])
@pytest.mark.parametrize("pruner", ["none", "floor"])
def test_whenever_it_stops_no_fold_ends_later_and_the_study_goes_on_to_what_it_would_have_been(
    seconds: int, pruner: str, clock: Clock
) -> None:
    plan = plan_of(*SMALL, f"pruner={pruner}", f"study.until={seconds}")
    undisturbed, whole, _ = run(plan_of(*SMALL, f"pruner={pruner}"), InMemoryStorage(), clock)
    store, every = InMemoryStorage(), []
    for _ in range(100):
        begun = clock.now
        driver, ran, over = run(plan, store, clock)
        assert ran
        # The first fold of all has nothing to be judged by, and is begun while there is time.
        assert clock.now - begun <= max(seconds, 10 * (not every))
        every += ran
        if not over:
            break
        if seconds < 10:  # now it is known that there never is enough
            assert run(plan, store, clock)[1:] == ([], True)
            return
    assert not over
    assert sorted(every) == sorted(whole)
    assert outcome(driver) == outcome(undisturbed)


def test_with_time_enough_nothing_is_left_out(clock: Clock) -> None:
    _, ran, over = run(plan_of(*SMALL, "study.until=1h"), InMemoryStorage(), clock)
    assert (len(ran), over) == (24, False)


def member(trial: int, fold: int, kind: str = "lora", epochs: int = 2) -> Member:
    configuration = Configuration().with_values({"method.kind": kind, "train.epochs": epochs})
    return Member(trial, fold, configuration, 0, None)  # type: ignore[arg-type]


def come_back(limit: Deadline, trial: int, fold: int) -> None:
    limit.note(FoldResult(trial, fold, 0.5))


def test_what_a_pack_takes_is_judged_by_its_kind_and_a_shorter_one_is_begun_in_its_place(clock: Clock) -> None:
    limit = Deadline(lambda: 100 - clock.now)
    others = [member(1, 0, "full"), member(2, 0, "full"), member(2, 1), member(3, 0)]
    begun = iter(limit.admit([[each] for each in (member(0, 0), *others)]))
    for seconds, trial in ((15, 0), (60, 1)):
        assert next(begun)[0].trial == trial
        clock.now += seconds
        come_back(limit, trial, 0)
    assert next(begun)[0].fold == 1  # of trial 2: its first would take 60 of 25
    clock.now += 15
    come_back(limit, 2, 1)
    assert [*begun] == []  # the last would take 15 of 10
    with pytest.raises(OutOfTime):
        limit.check()


def test_a_kind_of_which_nothing_is_known_is_taken_to_be_as_long_as_the_longest(clock: Clock) -> None:
    limit = Deadline(lambda: 30 - clock.now)
    begun = iter(limit.admit([[member(0, 0)], [member(1, 0, epochs=3)]]))
    next(begun)
    clock.now += 16
    come_back(limit, 0, 0)
    assert [*begun] == []


def test_where_nothing_is_left_out_nothing_ends(clock: Clock) -> None:
    limit = Deadline(lambda: 100 - clock.now)
    assert [len(pack) for pack in limit.admit([[member(0, 0), member(1, 0)], [member(0, 1)]])] == [2, 1]
    limit.check()
    assert limit.admit([]) == []


@pytest.mark.parametrize("until", ["2h", "120m", "7200"])
def test_a_span_is_counted_on_a_clock_that_nobody_sets(until: str, clock: Clock) -> None:
    limit: Any = deadline_of(compose([f"study.until={until}"]))
    assert limit.left() == 7200
    clock.now += 7000
    assert limit.left() == 200


def test_a_clock_time_is_its_next_one() -> None:
    limit: Any = deadline_of(compose(["study.until=23:59:59"]))
    assert 0 < limit.left() <= 86400


def test_without_it_there_is_no_end_and_one_that_has_passed_is_refused() -> None:
    assert type(deadline_of(compose([]))) is NoDeadline
    with pytest.raises(ConfigError, match=r"study\.until=2001-01-01T10:00: has passed; write a later time, or leave"):
        deadline_of(compose(["study.until=2001-01-01T10:00"]))
    assert datetime(2001, 1, 1, 10) < datetime.now()


def test_the_terminal_says_how_much_is_left() -> None:
    config = compose(["study.trials=8", "study.until=2h"])
    said = "Stopped for study.until=2h: {} left; the same command goes on from here."
    result: Any = SimpleNamespace(passed_over=False)
    passed_over: Any = SimpleNamespace(passed_over=True)
    for count, left in ((3, "5 of 8 trials are"), (7, "1 of 8 trials is"), (8, "what follows the search is")):
        results = {**dict.fromkeys(range(count), result), 100: passed_over}  # which took no place of the study
        assert left_over(config, results) == said.format(left)
