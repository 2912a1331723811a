"""A configuration's name is one that a person would write."""

from __future__ import annotations

import pytest

from study import methods
from study.config.schema import Configuration, MethodConfig
from study.core import formatting

SHORT = {0.1: "0.1", 10.0: "10", 1000.0: "1000", 1234.56: "1230", 3e-4: "0.0003", 1e7: "1e+07"}


@pytest.mark.parametrize(("value", "wanted"), SHORT.items())
def test_numbers_in_names_and_reports_have_three_digits_and_no_needless_power(value: float, wanted: str) -> None:
    configured = Configuration(method=MethodConfig(lam=value))
    assert methods.of(configured).label(configured) == f"lora r8 λ{wanted} qv all"
    assert formatting.short(value) == wanted
