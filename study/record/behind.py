"""A tracker behind a thread: what it writes costs the driver no waiting, and what it cannot write no study."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.core.answer_tables import Table
from study.core.errors import StudyError
from study.core.printed_commands import sync_line
from study.core.prose import print_prose
from study.core.records import Adaptation, FoldResult, Provenance
from study.record.tracker import Finished, Say, Tracker

WAITING = 1000  # calls that may wait to be written; then their caller waits, as long as they can be written
TOGETHER = 100  # folds that are written at once, where so many wait
PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)  # seconds between tries to write what was refused; the last one again and again
AWAY = "the record takes nothing for now ({}): the study goes on, and what is missing is sent when it does again"
BACK = "the record takes everything again, and what it missed"


class Behind(Tracker):
    """Calls another tracker from a thread, in order, so that a fold costs the driver no database. Guarantees:

    when :meth:`end` returns, every call before it has been made, or `missing` says why not; what the record's place
    refuses is tried again until it is taken, and what comes after it waits, so that nothing is recorded with a gap
    before it; another error of a call is raised by the next one or by :meth:`end`, once, and no call after the one that
    failed is made.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.tracker, self.unreported, self.imports = tracker, tracker.unreported, tracker.imports
        self.calls: Queue[Callable[[], None] | FoldResult | None] = Queue(WAITING)
        self.error: BaseException | None = None
        self.broken, self.given_up, self.ending = False, False, Event()
        self.name = self.storage = ""
        self.say: Say = _print
        self.thread = Thread(target=self._work, name="tracking", daemon=True)

    def refusal(self, error: BaseException) -> str:
        return self.tracker.refusal(error)

    def reopen(self) -> None:
        self.tracker.reopen()

    def _work(self) -> None:
        more = True
        while more:
            taken = self._next()
            more = taken[-1] is not None
            for call in self._calls_of(taken):
                try:
                    self._make(call)
                except BaseException as error:  # noqa: BLE001 -- raised again in the driver's thread
                    self.error, self.broken = error, True
            for _ in taken:
                self.calls.task_done()

    def _next(self) -> list[Any]:
        """What waits next: a call, or folds as far as they wait one behind the other, and the call that follows."""
        taken: list[Any] = [self.calls.get()]
        while isinstance(taken[-1], FoldResult) and len(taken) < TOGETHER and not self.calls.empty():
            taken.append(self.calls.get())
        return taken

    def _calls_of(self, taken: list[Any]) -> Iterator[Callable[[], None]]:
        """The calls that were taken, those of folds as one, which is made again as a whole."""
        if folds := [each for each in taken if isinstance(each, FoldResult)]:
            yield partial(self.tracker.folds, folds)
        yield from (each for each in taken if each is not None and not isinstance(each, FoldResult))

    def _make(self, call: Callable[[], None]) -> None:
        """Make the call, as often as it takes; none is made after one that failed for good."""
        tries = 0
        while self._may_try():
            try:
                if tries:
                    self.tracker.reopen()
                call()
            except Exception as error:
                if not (reason := self.tracker.refusal(error)):
                    raise
                self._note(reason)
                self.ending.wait(PAUSES[min(tries, len(PAUSES) - 1)])
                tries += 1
            else:
                self._note("")
                return

    def _may_try(self) -> bool:
        """Whether a call is worth it: at the end, what is refused is tried once more, and nothing after it."""
        if not (self.missing and self.ending.is_set()):
            return not self.broken
        before, self.given_up = self.given_up, True
        return not before

    def _note(self, reason: str) -> None:
        """Say once why the record takes nothing, or, without a reason, that it does again; nobody waits meanwhile."""
        before, self.missing = self.missing, reason
        self.given_up &= bool(reason)
        if bool(before) == bool(reason):
            return
        with self.calls.mutex:  # what is to be written later may be any number of calls
            self.calls.maxsize = sys.maxsize if reason else WAITING
            self.calls.not_full.notify_all()
            self.calls.all_tasks_done.notify_all()
        self.say((AWAY.format(reason) if reason else BACK,))

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
        self.name, self.storage = config.study.name, config.storage.url
        self.tracker.start(config, provenance, artifacts)
        self.thread.start()

    def tell_troubles(self, say: Say) -> None:
        self.say = say

    def trial(self, number: int, configuration: Configuration, label: str, baseline: str | None) -> None:
        self._enqueue(self.tracker.trial, number, configuration, label, baseline)

    def adaptation(self, number: int, adaptation: Adaptation) -> None:
        self._enqueue(self.tracker.adaptation, number, adaptation)

    def fold(self, result: FoldResult) -> None:
        self._raise()
        self.calls.put(result)

    def answers(self, number: int, compute: Callable[[], Table]) -> None:
        self._enqueue(self.tracker.answers, number, compute)

    def finish_trial(self, result: TrialResult, summary: dict[str, float]) -> None:
        self._enqueue(self.tracker.finish_trial, result, summary)

    def finish_trials(self, trials: Sequence[Finished]) -> None:
        self._enqueue(self.tracker.finish_trials, trials)

    def repeat(self, result: FoldResult, number: int, fold: int) -> None:
        self._enqueue(self.tracker.repeat, result, number, fold)

    def repeat_answers(self, number: int, table: Table) -> None:
        self._enqueue(self.tracker.repeat_answers, number, table)

    def add_figures(self, number: int, figures: dict[str, float]) -> None:
        self._enqueue(self.tracker.add_figures, number, figures)

    def rejudge(self, trial: Finished) -> None:
        self._enqueue(self.tracker.rejudge, trial)

    def references(self, compute: Callable[[], dict[str, float]]) -> None:
        self._enqueue(self.tracker.references, compute)

    def note_ending(self, reason: str) -> None:
        self._enqueue(self.tracker.note_ending, reason)

    def wait(self) -> None:
        """Of what cannot be written for now, nothing is waited for."""
        with self.calls.all_tasks_done:
            while self.calls.unfinished_tasks and not self.missing:
                self.calls.all_tasks_done.wait()
        self.tracker.wait()
        self._raise()

    def report(self, folder: Path) -> None:
        """At once; the report is made of an ended record."""
        try:
            self.tracker.report(folder)
        except Exception as error:
            if reason := self.tracker.refusal(error):
                raise record_error(self.name, self.storage, reason) from error
            raise

    def command(self) -> str:
        return self.tracker.command()

    def page(self) -> str:
        return self.tracker.page()

    def end(self, status: str) -> None:
        """Wait for what is left to be written, then close; a record with a gap has FAILED.

        What is refused now is tried no more: `missing` then says why.
        """
        self.ending.set()
        self.calls.put(None)
        self.thread.join()
        try:
            if not self.missing:
                self._close("FAILED" if self.broken else status)
        finally:
            self._raise()

    def _close(self, status: str) -> None:
        try:
            self.tracker.end(status)
        except Exception as error:
            if not (reason := self.tracker.refusal(error)):
                raise
            self.missing = reason


def record_error(name: str, storage: str, reason: str) -> StudyError:
    """The error of a record that lacks something for that reason, of a study in that store."""
    remedy = f"the study is whole: {sync_line(name, storage)} sends what is missing, as its next start does"
    return StudyError("the record", f"could not be written ({reason})", remedy)


def _print(lines: tuple[str, ...]) -> None:
    for line in lines:
        print_prose(f"Note: {line}.", sys.stderr)
