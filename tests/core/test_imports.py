"""Importing beside."""

import sys
import threading
from collections.abc import Iterator

import pytest

from study.core.imports import import_beside


def test_modules_come_in_and_one_that_is_not_there_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tabnanny", "stringprep"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    told = threading.Event()

    def names() -> Iterator[str]:
        yield from ("stringprep", "not.there", "tabnanny")
        told.set()

    with import_beside(names()):
        assert told.wait(60)
    assert {"tabnanny", "stringprep"} <= sys.modules.keys()


def test_at_the_end_nothing_more_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tabnanny", raising=False)
    asked, over = threading.Event(), threading.Event()

    def names() -> Iterator[str]:
        asked.set()
        assert over.wait(60)
        yield "tabnanny"
        yield "nothing"

    with import_beside(names()):
        assert asked.wait(60)
        threading.Timer(0.2, over.set).start()
    assert "tabnanny" not in sys.modules
    assert "imports" not in [thread.name for thread in threading.enumerate()]
