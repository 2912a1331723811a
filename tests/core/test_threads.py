"""Products of matrices take one thread where that is asked for, whatever has been imported since."""

from __future__ import annotations

import subprocess
import sys

import threadpoolctl

from study.core.threads import one_thread

IMPORTED_LATER = """
import threadpoolctl
from study.core.threads import one_thread
def threads():
    return [library["num_threads"] for library in threadpoolctl.threadpool_info()]
import numpy
with one_thread():
    first = threads()
import scipy.linalg
before = threads()
with one_thread():
    within = threads()
assert len(before) > len(first) > 0, (before, first)
assert {*first, *within} == {1}, (first, within)
assert threads() == before
"""


def test_what_was_imported_since_the_last_time_takes_one_thread_as_well() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED_LATER], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_libraries_are_looked_for_once_while_nothing_is_imported(monkeypatch) -> None:
    looks: list[int] = []

    class Counted(threadpoolctl.ThreadpoolController):
        def __init__(self) -> None:
            looks.append(1)
            super().__init__()

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Counted)
    monkeypatch.setitem(sys.modules, "imported_since", sys)
    for _ in range(5):
        with one_thread():
            pass
    assert len(looks) == 1
