"""Every call to a store fails once, in a study of its own: the same command again ends as if none had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from reliability.faults import CLIENT, CTRL_C, GONE, KILL, LOCKS, LOST, RAISE, RECORD, STORE

if TYPE_CHECKING:
    from conftest import Court

SOME = {  # parts of the way through the study
    (STORE, RAISE): 0.6, (STORE, KILL): 0.5, (RECORD, KILL): 0.5, (CLIENT, RAISE): 0.45, (CLIENT, LOST): 0.6,
    (LOCKS, CTRL_C): 0.7422,
}  # fmt: skip
EVERY = [*SOME, (STORE, GONE), (CLIENT, GONE), (CLIENT, KILL)]


@pytest.mark.parametrize(("place", "kind"), SOME, ids=lambda each: each)
def test_after_a_fault_at_one_call_the_same_command_makes_the_undisturbed_study(
    place: str, kind: str, court: Court
) -> None:
    number = int(court.calls(place, kind) * SOME[place, kind])
    assert len(court.judge(place, kind, [number])) == 1


@pytest.mark.long
@pytest.mark.parametrize(("place", "kind"), EVERY, ids=lambda each: each)
def test_after_a_fault_at_any_call_the_same_command_makes_the_undisturbed_study(
    place: str, kind: str, court: Court
) -> None:
    calls = court.calls(place, kind)
    assert len(court.judge(place, kind, [*range(calls)])) == calls
