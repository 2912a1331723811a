"""How long, and until when: what people write is what is meant, and anything else is neither."""

from __future__ import annotations

from datetime import datetime

import pytest

from study.core.durations import is_time, moment_of, seconds_of

NOON = datetime(2030, 1, 31, 12)
SPANS = {
    "90": 90, "1.5": 1.5, "90s": 90, "10m": 600, "1.5h": 5400, "2h": 7200, "1h30m": 5400, "1d2h3m4s": 93784,
    " 2h ": 7200,
}  # fmt: skip
MOMENTS = {
    "17:30": datetime(2030, 1, 31, 17, 30),
    "09:00": datetime(2030, 2, 1, 9),
    "9:05:30": datetime(2030, 2, 1, 9, 5, 30),
    "12:00": datetime(2030, 2, 1, 12),
    "2030-02-03": datetime(2030, 2, 3),
    "2030-02-03 04:05": datetime(2030, 2, 3, 4, 5),
    "2030-02-03T04:05:06": datetime(2030, 2, 3, 4, 5, 6),
    "2001-01-01": datetime(2001, 1, 1),  # which has passed, as whoever asks says
}
NEITHER = ["", "soon", "2 hours", "h", "-2h", "0", "0h", "nan", "inf", "25:00", "12:60", "1h:30", "30m1h", "2030-13-01"]


@pytest.mark.parametrize("text", SPANS)
def test_a_span_is_a_number_of_seconds_or_of_units_the_largest_first(text: str) -> None:
    assert seconds_of(text) == SPANS[text]
    assert is_time(text)


@pytest.mark.parametrize("text", MOMENTS)
def test_a_moment_is_the_next_time_that_a_clock_shows_or_a_date(text: str) -> None:
    assert moment_of(text, NOON) == MOMENTS[text]
    assert is_time(text)


@pytest.mark.parametrize("text", NEITHER)
def test_anything_else_is_neither(text: str) -> None:
    assert seconds_of(text) is None
    assert moment_of(text, NOON) is None
    assert not is_time(text)


@pytest.mark.parametrize("value", [None, True, [1], -1, 0, float("nan")])
def test_what_is_no_positive_number_is_no_span(value: object) -> None:
    assert seconds_of(value) is None


def test_numbers_are_seconds() -> None:
    assert (seconds_of(90), seconds_of(1.5)) == (90, 1.5)


def test_a_date_of_another_zone_is_the_same_moment_here() -> None:
    moment = moment_of("2030-02-03T04:05:00+00:00", NOON)
    assert moment is not None
    assert moment.astimezone() == datetime.fromisoformat("2030-02-03T04:05:00+00:00")
