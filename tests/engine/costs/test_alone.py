"""What a configuration costs alone: repeats, their spread, and what other programs did meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tiny import configuration, member_of, unfit, workbench

from study.config.members import Member
from study.engine.costs import alone, latency, others
from study.engine.costs.alone import amount_of_work, costs_alone, sample_batches
from study.engine.costs.work import work_of
from study.engine.fit import Fit
from study.engine.workbench import Workbench

MEMBER = member_of(0, 0, configuration(batch_size=4, epochs=3), 1)
NAMES = ("alone/train_seconds", "alone/tokens_per_second", "alone/latency_ms")


class Clock:
    """Does the work and says that a piece of it took this long: steps in their turn, answers always the same."""

    def __init__(self, *steps: float, answer: float = 0.008) -> None:
        self.steps, self.answer, self.asked = list(steps), answer, 0

    def step(self, work: Callable[[], object], device: torch.device) -> float:
        work()
        self.asked += 1
        return self.steps[min(self.asked, len(self.steps)) - 1]

    def answered(self, work: Callable[[], object], device: torch.device) -> float:
        work()
        return self.answer


def with_clock(clock: Clock, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alone, "time_of", clock.step)
    patch.setattr(latency, "time_of", clock.answered)


def figures_of(member: Member, bench: Workbench, seconds: float = 0.0) -> dict[str, float]:
    (costs,) = costs_alone([member], bench, folds=2, seconds=seconds)
    return costs.figures


@pytest.mark.parametrize("rising", [1.0, 1.5])
def test_a_machine_that_slows_down_slows_all_down_that_are_measured_in_turn(
    rising: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(*([1e-9] * 3), *(rising**place for place in range(27)))  # three that are tried first, each once
    with_clock(clock, monkeypatch)
    members = [MEMBER] * 3
    figures = [costs.figures for costs in costs_alone(members, workbench(), folds=2, seconds=0.0)]
    assert [f["alone/peak_bytes"] > 0 for f in figures] == [True] * 3
    assert clock.asked == 3 + 9
    taken = [f["alone/train_seconds"] for f in figures]
    assert max(taken) / min(taken) <= rising**2


def test_what_cannot_be_measured_brings_its_error_and_keeps_nothing_from_the_others() -> None:
    failed, costs = costs_alone([unfit(MEMBER), MEMBER], workbench(), folds=2, seconds=0.0)
    assert (failed.figures, costs.error) == ({}, None)
    assert costs.figures["alone/latency_ms"] > 0


def test_the_training_time_is_that_of_all_steps_of_the_folds_with_the_range_of_the_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for seconds, batches in ((0.0, 1), (0.09, 3)):
        with_clock(Clock(0.01, 0.3, 0.6, 0.9), monkeypatch)  # one step first, then repeats
        figures = figures_of(MEMBER, bench := workbench(), seconds)
        steps = sum(3 * -(-len(fold.train) // 4) for fold in bench.data.folds[:2])  # three epochs of batches of four
        assert figures["alone/train_seconds"] == pytest.approx(0.6 / batches * steps)
        assert figures["alone/train_seconds_iqr"] == pytest.approx(0.3 / batches * steps)
    assert (figures["alone/latency_ms"], figures["alone/latency_ms_iqr"]) == (8.0, 0.0)
    assert figures["alone/peak_bytes"] > 0
    assert set(figures) >= {*NAMES, *(f"{name}_iqr" for name in NAMES)}


@pytest.mark.parametrize(("seconds", "repeats"), [(0.0, 3), (1.0, 3), (4.0, 4), (4.5, 5), (60.0, 9)])
def test_it_is_repeated_while_there_is_time_and_at_least_three_times(
    seconds: float, repeats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(1.0, answer=0.0)
    with_clock(clock, monkeypatch)
    figures_of(MEMBER, workbench(), seconds)
    assert clock.asked == 1 + repeats


def test_a_batch_of_usual_length_stands_for_all_where_steps_are_slow_and_three_where_they_are_not() -> None:
    fit = Fit([MEMBER], workbench())
    try:
        lengths = [int(fit.problem.lengths[batch].sum()) for batch in sample_batches(fit, 3)]
        assert lengths == sorted(lengths)
        assert len(lengths) == 3
        assert [len(batch) for batch in sample_batches(fit, 1)] == [4]
        batches = -(-len(fit.courses[0].rows) // 4)
        assert len(sample_batches(fit, 99)) == batches < 99  # there are no more in an epoch
        assert amount_of_work(fit, 1)[0] == 3 * batches
    finally:
        fit.pack.close()


def test_measuring_leaves_the_bench_as_it_was_and_changes_no_later_training() -> None:
    from study.engine.train import train_pack

    untouched, measured = workbench(), workbench()
    figures_of(MEMBER, measured)
    results = [train_pack([MEMBER], bench)[0] for bench in (untouched, measured)]
    assert results[0].score == results[1].score
    assert [e.loss for e in results[0].epochs] == [e.loss for e in results[1].epochs]


def test_configurations_cost_the_same_that_differ_in_numbers_alone_and_others_do_not() -> None:
    base = configuration()
    same = [{"train.lr": 0.5}, {"train.clip": 2.0}, {"train.weight_decay": 0.1}]
    other = [{"train.epochs": 9}, {"train.batch_size": 32}, {"method.rank": 7}, {"method.lam": 1.0}]
    assert all(work_of(base.with_values(values)) == work_of(base) for values in same)
    assert all(work_of(base.with_values(values)) != work_of(base) for values in other)
    weighed = [work_of(base.with_values({"method.lam": lam})) for lam in (1.0, 100.0)]
    assert weighed[0] == weighed[1]


STAT = """cpu  999 9 9 9 9 9 9 9 0 0
cpu0 100 0 50 700 30 5 5 10 0 0
cpu1 200 20 0 100 0 0 0 0 200 20
cpu10 5000 0 0 0 0 0 0 0 0 0
intr 12 0
"""


def test_time_that_cores_worked_or_were_withheld_is_summed_over_the_cores_that_may_be_used() -> None:
    ticks = others.os.sysconf("SC_CLK_TCK")
    assert others.busy_seconds(STAT, {0}) == 170 / ticks
    assert others.busy_seconds(STAT, {0, 1}) == (170 + 220) / ticks  # guests are in the first two already
    assert others.busy_seconds(STAT, {7}) == 0.0


@pytest.mark.parametrize(
    ("busy", "spent", "share"), [((5.0, 9.0), 4.0, 0.0), ((5.0, 9.0), 2.0, 0.5), ((5.0, 5.0), 1.0, 0.0)]
)
def test_what_others_took_is_what_the_cores_did_without_this_process(
    busy: tuple[float, float], spent: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter(busy)
    clocks = {"perf_counter": iter((0.0, 2.0)), "process_time": iter((1.0, 1.0 + spent))}
    monkeypatch.setattr(others, "busy_seconds", lambda: next(told))
    monkeypatch.setattr(others.os, "sched_getaffinity", lambda process: {0, 1})
    for name, values in clocks.items():
        monkeypatch.setattr(others.time, name, lambda values=values: next(values))
    assert others.Others().share() == share


def test_where_the_system_does_not_tell_what_others_do_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(others, "STAT", others.Path("/nowhere/stat"))
    assert others.Others().share() is None
    assert "alone/others" not in figures_of(MEMBER, workbench())
