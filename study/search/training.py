"""What comes back from a launcher, and when a study that waits for it may be interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

from study.core import interruption
from study.core.records import FoldResult
from study.launch import Launcher, Packs


def results_of(launcher: Launcher, packs: Packs, more: Callable[[], Packs]) -> Iterator[FoldResult]:
    """The results of the packs and of those that follow, as they come.

    Ctrl-C is heeded while the launcher waits for workers; not while a result is kept, nor `more` is found out, nor
    before all that has come is handed over.
    """

    def follow() -> Packs:
        with interruption.deferring():
            return more()

    results = launcher.run(packs, follow)
    while True:
        with nullcontext() if launcher.ready else interruption.heeding():
            result = next(results, None)
        if result is None:
            return
        yield result
