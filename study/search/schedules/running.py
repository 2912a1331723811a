"""Trials that train, of a schedule that asks for one while others are still running."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from study.config.members import Member, Stop
from study.search.closings import EndedTrial
from study.search.schedules.base import Folds, Schedule, TrialKeeper
from study.search.stored import configuration_of, stop_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


@dataclass
class RunningTrial:
    """A trial that trains: the folds that it has, its members, and the folds that train until the next decision."""

    trial: FrozenTrial
    folds: Folds
    members: list[Member]
    training: object
    wave: range = range(0)
    repeats: list[FrozenTrial] = field(default_factory=list)  # trials that wait for it, as they would train the same


class RunningTrials(Schedule):
    """What a schedule knows of the trials that it has begun and not told. `running` are those by number."""

    def __init__(self, keeper: TrialKeeper) -> None:
        super().__init__(keeper)
        self.running: dict[int, RunningTrial] = {}
        self.trainings: dict[object, int] = {}  # the numbers of these by what they train

    def begin(self, trial: FrozenTrial) -> RunningTrial | None:
        """Begin with a trial, or go on with it; None where nothing of it trains.

        One that would train what an ended trial did is told; what a running one does, it waits for that one's end.
        """
        folds, training = self.keeper.open(trial), self.plan.training(configuration_of(trial))
        if (original := self.keeper.first.get(training)) is not None:
            self.keeper.tell(EndedTrial(trial, folds, original))
        elif training in self.trainings:
            self.running[self.trainings[training]].repeats.append(trial)
        else:
            begun = RunningTrial(trial, folds, self.keeper.members(trial, folds), training)
            self.running[trial.number], self.trainings[training] = begun, trial.number
            return begun
        return None

    def horizon(self, running: RunningTrial) -> int:
        """The first of the trial's folds on which no decision may rest yet: none, what a trial has counts."""
        return len(self.plan.folds)

    def decide(self, due: Collection[RunningTrial]) -> list[RunningTrial]:
        """Tell those of these trials that are stopped, failed or complete; those that train on.

        Whatever else is running is their rival.
        """
        trained = {n: self.horizon(r) for n, r in self.running.items()}
        counted = {n: {k: f for k, f in r.folds.items() if k < trained[n]} for n, r in self.running.items()}
        self.races.beside = {n: (r.trial, counted[n]) for n, r in self.running.items()}
        by_number = {r.trial.number: r for r in due}
        kept = {n: r.folds for n, r in by_number.items()}
        incomplete = [r.trial for n, r in by_number.items() if len(counted[n]) < len(self.plan.folds)]
        stops = {n: stop for n, r in by_number.items() if (stop := stop_of(r.trial)) is not None}
        stops |= self.races.stop(incomplete, kept, stops, trained)
        going = self.races.going(incomplete, kept, stops, trained)
        estimates = self.races.estimates([r.trial for r in by_number.values()], kept, stops)
        left = [r for n, r in by_number.items() if n not in going]
        if ended := [e for r in left for e in self._end(r, stops.get(r.trial.number), estimates.get(r.trial.number))]:
            self.keeper.tell(*ended)
        return [r for n, r in by_number.items() if n in going]

    def _end(self, running: RunningTrial, stop: Stop | None, estimate: list[float] | None) -> list[EndedTrial]:
        """The trial, of which nothing trains any more, and those that would have trained the same."""
        number = running.trial.number
        del self.running[number], self.trainings[running.training]
        first = EndedTrial(running.trial, running.folds, None, stop, estimate)
        return [first, *(EndedTrial(trial, {}, number) for trial in running.repeats)]
