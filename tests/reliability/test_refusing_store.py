"""A database that is full, read-only or locked ends a study in one line, and the same command goes on from there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from reliability.faults import FULL, HELD, LOCKED, READ_ONLY, RECORD, STORE

if TYPE_CHECKING:
    from conftest import Court

GOES_ON = "finished folds are kept, and the same command goes on from here"
LINES = {
    FULL: rf"storage.url=sqlite:///\S+/study.db: has no room left in \S+; make room there: {GOES_ON}",
    READ_ONLY: rf"storage.url=\S+/study.db: cannot be written to in \S+; let this user write there: {GOES_ON}",
    LOCKED: rf"storage.url=sqlite:///\S+/study.db: is locked by another program.*; let that program end: {GOES_ON}",
}
WAITS = "Note: study.db is locked by another program: it is waited for, up to"


@pytest.mark.parametrize("kind", LINES)
def test_a_store_that_takes_nothing_more_ends_the_study_in_a_line_and_it_goes_on(kind: str, court: Court) -> None:
    (examined,) = court.judge(STORE, kind, [court.calls(STORE, kind) * 3 // 5])
    assert re.search(LINES[kind], examined.faulty.said), examined.faulty.said
    assert examined.faulty.said.count(WAITS) == (kind == LOCKED)


def test_a_store_that_is_locked_as_it_is_opened_is_named_in_a_line(court: Court) -> None:
    (examined,) = court.judge(STORE, LOCKED, [court.calls(STORE, LOCKED) // 4])
    assert re.search(r"study.db: is locked by another program.*; let that program end", examined.faulty.said)
    assert examined.trained[0] == 0


def test_a_store_that_is_locked_for_a_while_is_waited_for_and_a_line_says_so(court: Court) -> None:
    (examined,) = court.judge(STORE, HELD, [court.calls(STORE, HELD) // 2])
    assert examined.faulty.status == 0, examined.faulty.said
    assert examined.faulty.said.count(WAITS) == 1


@pytest.mark.parametrize("kind", [FULL, pytest.param(READ_ONLY, marks=pytest.mark.long)])
def test_a_record_that_takes_nothing_more_ends_no_study(kind: str, court: Court) -> None:
    (examined,) = court.judge(RECORD, kind, [court.calls(RECORD, kind) // 2])
    assert examined.faulty.status == 2
    assert "the study goes on, and what is missing is sent" in examined.faulty.said
    assert re.search("lora-study --sync study.name=study storage.url=[^ ]+ sends what is missing", examined.faulty.said)
    assert examined.trained == (court.undisturbed.trained[0], 0)
