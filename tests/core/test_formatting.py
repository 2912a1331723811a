"""Numbers as a reader sees them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from study.core import formatting as fmt
from study.core.alone import Cost


@pytest.mark.parametrize("value", [None, math.nan, np.float64("nan")])
def test_a_missing_number_is_a_dash_in_every_format(value: float | None) -> None:
    formats = (fmt.number, fmt.count, fmt.short, fmt.text, fmt.mebibytes, fmt.megabytes, fmt.seconds, fmt.milliseconds)
    assert {form(value) for form in formats} == {"–"}
    assert fmt.with_se(value, 0.1) == "–"
    assert fmt.with_se(0.5, value) == "0.5000 ± –"


def test_zero_is_a_number() -> None:
    assert (fmt.number(0.0), fmt.count(0), fmt.short(0.0), fmt.text(0)) == ("0.0000", "0", "0", "0")


def test_numbers_have_their_digits_and_units() -> None:
    assert fmt.mebibytes(2**30) == "1,024.0 MiB"
    assert fmt.mebibytes(2**30, 0) == "1,024 MiB"
    assert fmt.megabytes(1_260_000) == "1.3 MB"
    assert fmt.milliseconds(8.254) == "8.25 ms"
    assert fmt.with_se(0.91234, 0.0041, 3) == "0.912 ± 0.004"


def test_short_times_keep_digits_and_what_stands_beside_a_number_has_as_many() -> None:
    times = {1234.56: "1,234.6 s", 1.0: "1.0 s", 0.9: "0.90 s", 0.00624: "0.006 s"}
    assert {value: fmt.seconds(value) for value in times} == times
    few = {1234.5: "1,234", 12.4: "12", 9.96: "10", 1.63: "1.6", 0.00624: "0.0062"}
    assert {value: fmt.few_digits(value) for value in few} == few
    shown = [Cost("time/train_seconds", value, spread).text for value, spread in ((0.0062, 0.0085), (25.7, 0.4))]
    assert shown == ["0.006 ± 0.009 s", "25.7 ± 0.4 s"]


def test_one_is_no_plural() -> None:
    assert (fmt.plural(1, "trial"), fmt.plural(0, "trial"), fmt.plural(2000, "trial")) == (
        "1 trial", "0 trials", "2,000 trials",
    )  # fmt: skip


def test_a_setting_is_named_as_it_is_written_unless_it_is_a_long_float() -> None:
    assert [fmt.setting(v) for v in (0.00030001, 12345, None, "qv")] == ["0.0003", "12345", "None", "qv"]
