"""Trials come and go, and what their driver holds of the machine stays: `pytest -n0 -s` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from reliability import leaks
from reliability.leaks import MIB, Held
from tiny import save_model

FLAT = ("handles", "threads", "processes", "files")
# Handles that pools of connections may come to hold at any time, when two threads first want one at once.
POOLED = 3
# Bytes of a trial that the driver keeps until the end: its folds, with their answers, for the verdict.
KEPT = 0.12 * MIB


def check_flat(held: Sequence[Held], kept: float = KEPT) -> None:
    """Nothing grows in the second half of the samples, but what is kept of each trial's results."""
    print("", *leaks.table(held), f"memory: {leaks.slope(held, 'memory') / 1024:.1f} KiB a trial", sep="\n")
    later = held[len(held) // 2 :]
    grown = {name: [getattr(h, name) for h in later] for name in FLAT if has_grown(held, name)}
    assert grown == {}
    assert leaks.slope(held, "memory") < kept
    assert leaks.slope(held, "workers_memory") < kept


def has_grown(held: Sequence[Held], name: str) -> bool:
    """Whether there is more of it with each trial in the second half of the samples, and more than pools may hold."""
    first, last = (getattr(h, name) for h in (held[len(held) // 2], held[-1]))
    return leaks.slope(held, name) > 0 and last - first > (POOLED if name == "handles" else 0)


def test_forty_trials_leave_nothing_open() -> None:
    held = leaks.run(40, leaks.invented)
    assert [h.trials for h in held] == [*range(4, 41, 4)]
    check_flat(held, kept=0.5 * MIB)  # of so few, what a first trial of a kind imports is a large part


@pytest.mark.long
def test_three_hundred_trials_leave_nothing_open() -> None:
    check_flat(leaks.run(300, leaks.invented))


@pytest.mark.long
def test_three_hundred_trials_that_really_train_leave_nothing_open(tmp_path: Path) -> None:
    held = leaks.run(300, leaks.real, leaks.real_plan(save_model(tmp_path / "model")))
    assert max(h.processes for h in held) >= 2
    assert max(h.workers_memory for h in held) > MIB
    check_flat(held)


@pytest.mark.parametrize("name", FLAT)
def test_what_grows_is_seen(name: str) -> None:
    flat = [Held(t, 10, 5 + t // 10 % 2, 2, 1, 3, 0) for t in range(10, 101, 10)]
    check_flat(flat)
    with pytest.raises(AssertionError, match=name):
        check_flat([Held(**{**vars(h), name: h.trials}) for h in flat])
