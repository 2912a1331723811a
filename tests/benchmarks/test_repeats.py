"""A short version of the simulated repeats: they cost what they may, and what they settle is settled rightly."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import repeats
from benchmarks.evidence import TOLERANCE
from simulated import repeated_study

STUDIES = 5


@pytest.fixture(scope="module")
def cells() -> repeats.Cells:
    return {(effect, 8): repeats.outcomes("rouge", effect, 8, STUDIES) for effect in ("one", "plateau")}


def test_what_is_decided_trains_no_more_and_the_rest_no_more_than_the_search(cells: repeats.Cells) -> None:
    results = [one for some in cells.values() for one in some]
    for one in results:
        assert 0 <= one.spent <= 1
        assert one.spent == 0 or not one.searched.sure
        assert one.spent > 0 or one.repeated == one.searched
    assert any(one.spent > 0 for one in results)


def test_repeats_make_studies_surer_and_not_worse(cells: repeats.Cells) -> None:
    results = [one for some in cells.values() for one in some]
    before, after = ([getattr(one, when) for one in results] for when in ("searched", "repeated"))
    assert sum(said.sure for said in after) > sum(said.sure for said in before)
    assert np.mean([said.regret for said in after]) <= np.mean([said.regret for said in before]) + TOLERANCE / 10


def test_a_study_without_doubt_is_left_alone() -> None:
    simulated = repeated_study(np.array([0.5, 0.9, 0.5]), 5, 3, "rouge", 0)
    one = repeats.outcome(simulated, np.array([1.0, 2.0, 3.0]), 5, 0)
    assert (one.spent, one.searched, one.repeated) == (0.0, repeats.Said(0.0, True), repeats.Said(0.0, True))


def test_the_table_says_what_was_counted() -> None:
    doubtful, sure = repeats.Said(0.02, False), repeats.Said(0.0, True)
    cells = {("one", 8): [repeats.Outcome(doubtful, sure, 0.5), repeats.Outcome(sure, sure, 0.0)]}
    assert [*repeats.table(cells)][2:] == ["| one | 8 | 2 | 0.0100, 50%; sure 50% | 0.0000, 100%; sure 100% | 25% |"]
