"""Small real sweeps are killed at random moments and begun again: nothing is lost, trained twice or left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from reliability.harness import PARTS, torment


@pytest.mark.long
@pytest.mark.parametrize(("kills", "seed"), [(3, 1)])
def test_a_killed_sweep_ends_as_if_undisturbed_and_leaves_nothing(kills: int, seed: int, tmp_path: Path) -> None:
    counts = torment(tmp_path, kills, seed)
    assert counts.kills == kills
    assert counts.wrong == {part: [] for part in PARTS}, counts.table()
