"""Where memory is not enough, a smaller pack is tried, and what does not fit alone is a failed trial that says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from tiny import configuration, member_of, workbench

from study.config.members import Member
from study.engine import train
from study.engine.costs import probe
from study.engine.fit import Fit
from study.engine.workbench import Workbench

CPU = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"
ENDS: dict[str, Callable[[], Exception]] = {
    "a GPU's": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "Python's": MemoryError,
    "a CPU's": lambda: RuntimeError(f"{CPU} 4294967296 bytes. Error code 12"),
}
MEMBERS = [member_of(t, 0, configuration(rank=1 + t), seed=t) for t in range(4)]


def full_beyond(most: int, error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let packs of more members than that meet the error; the sizes that are tried."""
    seen, real = [], train.Fit

    def fit(members: list[Member], bench: Workbench) -> Fit:
        seen.append(len(members))
        if len(members) > most:
            raise error()
        return real(members, bench)

    monkeypatch.setattr(train, "Fit", fit)
    return seen


@pytest.mark.parametrize("error", ENDS.values(), ids=ENDS)
def test_a_smaller_pack_is_tried(error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = full_beyond(2, error, monkeypatch)
    results = train.train_pack(MEMBERS, workbench())
    assert [r.error for r in results] == [None] * 4
    assert seen == [4, 2, 2]


@pytest.mark.parametrize("error", ENDS.values(), ids=ENDS)
def test_what_does_not_fit_alone_fails_by_name_and_says_what_helps(
    error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    full_beyond(0, error, monkeypatch)
    for result in train.train_pack(MEMBERS[:2], workbench()):
        assert str(result.error).startswith("out of memory with no other member in its pack (")
        assert "smaller engine.tokens or fewer launcher.workers" in str(result.error)
        assert "\n" not in str(result.error)
        assert not result.transient  # it is no chance: alone it meets the same


@pytest.mark.parametrize("error", ENDS.values(), ids=ENDS)
def test_the_measurement_of_pack_sizes_stops_there(
    error: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def seconds(member: Member, size: int, bench: object) -> float:
        if size > 2:
            raise error()
        return 1.0

    monkeypatch.setattr(probe, "_seconds", seconds)
    assert probe.pack_size(MEMBERS[0], 64, workbench()) == 2


def test_another_error_is_named_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    full_beyond(0, lambda: RuntimeError("something else"), monkeypatch)
    (result,) = train.train_pack(MEMBERS[:1], workbench())
    assert str(result.error).startswith("RuntimeError: something else (test_memory_ends.py:")
