"""Pausing the search for garbage."""

import gc

from study.core.garbage import pause_collection


def test_nothing_is_searched_while_it_is_open_and_what_came_in_stays_unsearched() -> None:
    assert gc.isenabled()
    try:
        with pause_collection():
            assert not gc.isenabled()
            came = [object() for _ in range(10)]
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        assert not any(each is came for each in gc.get_objects())
    finally:
        gc.unfreeze()


def test_who_had_stopped_the_search_finds_it_stopped() -> None:
    gc.disable()
    try:
        with pause_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()
