"""A tracker behind a thread: what it writes costs the driver no waiting."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.answer_tables import Table
from study.core.records import Adaptation, FoldResult, Provenance
from study.record.tracker import Tracker

WAITING = 1000  # calls that may wait to be written; then their caller waits


class Behind(Tracker):
    """Calls another tracker from a thread, in order, so that a fold costs the driver no database. Guarantees:

    when :meth:`end` returns, every call before it has been made; an error of one is raised by the next call or by
    :meth:`end`, once, and no call after the one that failed is made, so that nothing is recorded with a gap before it.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.tracker, self.unreported = tracker, tracker.unreported
        self.calls: Queue[Callable[[], None] | None] = Queue(WAITING)
        self.error: BaseException | None = None
        self.broken = False
        self.thread = Thread(target=self._work, name="tracking", daemon=True)

    def _work(self) -> None:
        while (call := self.calls.get()) is not None:
            if self.broken:
                continue  # goes on taking, or a full queue would hold the driver for ever
            try:
                call()
            except BaseException as error:  # noqa: BLE001 -- raised again in the driver's thread
                self.error, self.broken = error, True

    def _enqueue(self, call: Callable[..., None], *arguments: Any) -> None:
        self._raise()
        self.calls.put(partial(call, *arguments))

    def _raise(self) -> None:
        error, self.error = self.error, None
        if error is not None:
            raise error

    def check_address(self) -> None:
        self.tracker.check_address()

    def check(self, config: StudyConfig) -> None:
        self.tracker.check(config)

    def start(self, config: StudyConfig, provenance: Provenance, artifacts: dict[str, Any]) -> None:
        """At once: whether the record can be opened is known before anything trains."""
        self.tracker.start(config, provenance, artifacts)
        self.thread.start()

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        self._enqueue(self.tracker.trial, number, configuration, label, baseline)

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        self._enqueue(self.tracker.adaptation, number, adaptation)

    def fold(self, result: FoldResult) -> None:
        self._enqueue(self.tracker.fold, result)

    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        self._enqueue(self.tracker.answers, number, compute)

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        self._enqueue(self.tracker.finish_trial, result, summary)

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        self._enqueue(self.tracker.add_figures, number, figures)

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        self._enqueue(self.tracker.references, compute)

    def report(self, folder: Path) -> None:
        """At once; the report is made of an ended record."""
        self.tracker.report(folder)

    def command(self) -> str:
        return self.tracker.command()

    def page(self) -> str:
        return self.tracker.page()

    def end(self, status: str) -> None:
        """Wait for what is left to be written, then close; a record with a gap has FAILED."""
        self.calls.put(None)
        self.thread.join()
        try:
            self.tracker.end("FAILED" if self.broken else status)
        finally:
            self._raise()
