"""Which stored trainings would come out otherwise now."""

from __future__ import annotations

import pytest
from tiny import adapted, backbone, configuration

from study.engine.changes import VERSION, Trained, change_since
from study.models import encoders


def trained(family: str, **method: object) -> Trained:
    told = configuration(**method)
    return told, adapted(told.method, encoders.linear_sites(backbone(family)), 3)


@pytest.mark.parametrize("targets", ["all-linear", "attention", "pos_key_proj"])
def test_packs_that_adapted_relative_positions_came_out_wrong(targets: str) -> None:
    change = change_since(1, [trained("bert"), trained("deberta-v2", targets=targets)])
    assert change is not None
    assert "relative positions" in change.what
    assert change_since(2, [trained("deberta-v2", targets=targets)]) is None


@pytest.mark.parametrize(
    ("family", "method"),
    [("bert", {"targets": "all-linear"}), ("deberta-v2", {"targets": "qv"}), ("deberta-v2", {"kind": "full"})],
)
def test_others_came_out_as_they_do_now(family: str, method: dict[str, object]) -> None:
    assert change_since(1, [trained(family, **method)]) is None


def test_a_lambda_concerns_what_is_older_and_what_does_not_fit_its_model_concerns_nobody() -> None:
    told = configuration(lam=3.0)
    assert change_since(0, [(told, None)]) is not None
    assert change_since(1, [(told, None)]) is None
    assert VERSION == 2
