"""One seed per purpose."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from study.core.seeding import derive


def test_a_seed_is_the_same_on_every_machine_and_in_every_process():
    assert derive(0, "fold", 3) == 1915135113


@given(st.lists(st.integers() | st.text(st.characters(codec="utf-8")), max_size=4))
def test_a_seed_fits_every_library(parts):
    assert 0 <= derive(*parts) < 2**31


def test_every_part_and_its_place_matters():
    seeds = {
        derive(0, "fold", 1),
        derive(0, "fold", 2),
        derive(1, "fold", 0),
        derive(0, "test", 1),
        derive("fold", 0, 1),
    }
    assert len(seeds) == 5


def test_neighbouring_parts_do_not_run_together():
    assert derive(1, 12) != derive(11, 2)


def test_global_random_state_is_left_alone():
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    derive(0, "fold", 1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before
