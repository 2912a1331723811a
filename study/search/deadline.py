"""Until when a study may take: no fold is begun that is not expected to end before, and the rest is left for later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from study.config.members import Member, TrialResult, count_results
from study.config.schema import Configuration, StudyConfig
from study.core.durations import moment_of, seconds_of
from study.core.errors import ConfigError
from study.core.formatting import plural
from study.core.records import FoldResult
from study.launch import Packs
from study.search.stored import configuration_of, folds_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

UNFINISHED = 75  # exit status where the same command goes on with what is left: EX_TEMPFAIL of sysexits.h
Kind = tuple[object, ...]


class OutOfTime(Exception):
    """The time is over, and something is left for the next run."""


class NoDeadline:
    """A study may take as long as it takes."""

    def admit(self, packs: Packs) -> Packs:
        """Those of the packs that are expected to end in time, each as it is asked for."""
        return packs

    def note(self, result: FoldResult) -> None:
        """A fold that was admitted has come back."""

    def learn(self, trial: FrozenTrial) -> None:
        """A trial that may have folds of an earlier run, which tell how long they took."""

    def check(self) -> None:
        """Raise OutOfTime where something was left out."""


class Deadline(NoDeadline):
    """The end of a study whose remaining seconds `left` tells.

    What a pack takes is expected to be what the longest with a member of its kind took, or else the longest of any
    kind; where nothing is known, it is begun while there is time.
    """

    def __init__(self, left: Callable[[], float]) -> None:
        self.left, self.omitted = left, False
        self.kinds: dict[tuple[int, int], tuple[Kind, float]] = {}  # of what is under way, with when it was begun
        self.longest: dict[Kind, float] = {}

    def admit(self, packs: Packs) -> Packs:
        return self._admit(packs) if packs else packs

    def _admit(self, packs: Packs) -> Iterator[list[Member]]:
        for pack in packs:
            left = self.left()
            if left <= 0 or left < max(self._expect(_kind_of(m.configuration)) for m in pack):
                self.omitted = True
                continue
            self.kinds |= {(m.trial, m.fold): (_kind_of(m.configuration), time.monotonic()) for m in pack}
            yield pack

    def _expect(self, kind: Kind) -> float:
        return self.longest.get(kind, max(self.longest.values(), default=0.0))

    def note(self, result: FoldResult) -> None:
        kind, begun = self.kinds.pop((result.trial, result.fold), (None, 0.0))
        if kind is not None and result.score is not None:
            self._add(kind, time.monotonic() - begun)

    def learn(self, trial: FrozenTrial) -> None:
        for fold in folds_of(trial).values():
            if fold.score is not None:
                self._add(_kind_of(configuration_of(trial)), fold.ended - fold.started)

    def _add(self, kind: Kind, seconds: float) -> None:
        self.longest[kind] = max(seconds, self.longest.get(kind, 0.0))

    def check(self) -> None:
        if self.omitted:
            raise OutOfTime


def _kind_of(configuration: Configuration) -> Kind:
    """What trainings take alike."""
    method, model = configuration.method, configuration.model
    return model.name, model.max_length, method.kind, method.layers, configuration.train.epochs


def deadline_of(config: StudyConfig) -> NoDeadline:
    """The study's own, from now on; ConfigError where its time is over."""
    until = config.study.until
    if until is None:
        return NoDeadline()
    seconds = seconds_of(until)
    if seconds is not None:
        end = time.monotonic() + seconds
        return Deadline(lambda: end - time.monotonic())
    moment = moment_of(until, datetime.now())
    assert moment is not None  # study/config/rules.py
    if moment <= datetime.now():
        raise ConfigError(f"study.until={until}", "has passed", "write a later time, or leave it out")
    return Deadline(lambda: (moment - datetime.now()).total_seconds())


def left_over(config: StudyConfig, results: dict[int, TrialResult]) -> str:
    """What a person hears where a study has stopped in time."""
    left = config.study.trials - count_results(results)
    what = f"{left} of {plural(config.study.trials, 'trial')}" if left else "what follows the search"
    rest = "is" if left == 1 or not left else "are"
    return f"Stopped for study.until={config.study.until}: {what} {rest} left; the same command goes on from here."
