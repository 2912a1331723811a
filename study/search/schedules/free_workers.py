"""No rounds: a trial is asked for as soon as a worker is free, which gives up that timing changes nothing."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from study.config.members import Member, Stop
from study.core.records import FoldResult
from study.search.closings import EndedTrial
from study.search.schedules.base import Folds, Schedule, TrialKeeper
from study.search.stored import configuration_of, replaced_numbers, stop_of

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


class FreeWorkers(Schedule):
    """Every decision falls when a fold or a trial ends, with whatever is known then: what ends together, together.

    What is asked for and what is stopped depend on which of the workers was faster, so that the same seed gives another
    study; within it nothing is lost, trained twice or left out.
    """

    name = "async"
    notes = (
        "With search.schedule=async it matters which worker is faster: the same seed gives another study another time",
    )

    def __init__(self, keeper: TrialKeeper) -> None:
        super().__init__(keeper)
        self.courses: dict[int, RunningTrial] = {}  # by trial
        self.running: dict[object, int] = {}  # the trials of these by what they train
        self.due: list[RunningTrial] = []  # of which nothing trains
        self.ready: deque[list[Member]] = deque()
        self.out: dict[tuple[int, int], set[tuple[int, int]]] = {}  # members at workers, each with those of its pack
        self.busy = 0  # packs at workers
        self.asked, self.ended = 0, False

    def run(self) -> None:
        trials = self.ledger.trials()
        self.asked = len(trials) - len(replaced_numbers(trials))
        self._look_for_the_end()
        for trial in trials:
            if not trial.state.is_finished():
                self._begin(trial)
        for batch in self.keeper.stream(self._packs(), self._packs):
            for result in self.keeper.keep(*((self.courses[result.trial].trial, result) for result in batch)):
                self._take(result)

    def _packs(self) -> list[list[Member]]:
        """What free workers are to train now."""
        packs: list[list[Member]] = []
        self._decide()
        while (free := self.keeper.launcher.workers - self.busy) > 0:
            if self.ready:
                packs.append(self._give(self.ready.popleft()))
            elif (count := min(-(-free // len(self.races.waves()[0])), self._left)) > 0:
                for _ in range(count):  # as many as occupy them, so that all are decided on together
                    self.asked += 1
                    self._begin(self.ledger.ask_next())
                self._decide()
            else:
                break
        return packs

    @property
    def _left(self) -> int:
        """How many trials may still be asked for."""
        return 0 if self.ended else self.plan.config.study.trials - self.asked

    def _give(self, pack: list[Member]) -> list[Member]:
        keys = {(m.trial, m.fold) for m in pack}
        self.out |= dict.fromkeys(keys, keys)
        self.busy += 1
        return pack

    def _begin(self, trial: FrozenTrial) -> None:
        """Begin with a trial, or go on with it; one that would train what another does waits for that."""
        folds, training = self.keeper.open(trial), self.plan.training(configuration_of(trial))
        if (original := self.keeper.first.get(training)) is not None:
            self.keeper.tell(EndedTrial(trial, folds, original))
        elif training in self.running:
            self.courses[self.running[training]].repeats.append(trial)
        else:
            course = RunningTrial(trial, folds, self.keeper.members(trial, folds), training)
            self.courses[trial.number], self.running[training] = course, trial.number
            self.races.beside[trial.number] = trial, folds
            self.due.append(course)

    def _take(self, result: FoldResult) -> None:
        """Take a fold; where no other of its trial trains, what follows is to be decided."""
        course = self.courses[result.trial]
        course.folds[result.fold] = result
        pack = self.out.pop((result.trial, result.fold))
        pack.discard((result.trial, result.fold))
        if not pack:
            self.busy -= 1
        if all(fold in course.folds for fold in course.wave):
            self.due.append(course)

    def _decide(self) -> None:
        """Let the next folds of the trials that are due train, or tell those that are stopped, failed or complete."""
        due, self.due, every = self.due, [], len(self.plan.folds)
        kept = {c.trial.number: c.folds for c in due}
        open_ones = [c.trial for c in due if len(c.folds) < every]
        stops = {c.trial.number: stop for c in due if (stop := stop_of(c.trial)) is not None}
        stops |= self.races.stop(open_ones, kept, stops, every)
        going = self.races.going(open_ones, kept, stops, every)
        estimates = self.races.estimates([c.trial for c in due], kept, stops)
        ended: list[EndedTrial] = []
        for course in due:
            number = course.trial.number
            if number in going:
                self._train_next(course)
            else:
                ended += self._end(course, stops.get(number), estimates.get(number))
        if ended:
            self.keeper.tell(*ended)
            self._look_for_the_end()

    def _train_next(self, course: RunningTrial) -> None:
        missing = [m for m in course.members if m.fold not in course.folds]
        course.wave = next(wave for wave in self.races.waves() if any(m.fold in wave for m in missing))
        self.ready += self.keeper.pack([m for m in missing if m.fold in course.wave])

    def _end(self, course: RunningTrial, stop: Stop | None, estimate: list[float] | None) -> list[EndedTrial]:
        """The trial, of which nothing trains any more, and those that would have trained the same."""
        number = course.trial.number
        del self.courses[number], self.running[course.training], self.races.beside[number]
        first = EndedTrial(course.trial, course.folds, None, stop, estimate)
        return [first, *(EndedTrial(trial, {}, number) for trial in course.repeats)]

    def _look_for_the_end(self) -> None:
        """Ask whether the search is over, where more trials would be asked for."""
        if self._left > 0:
            self.ended = self.keeper.ending.is_here(len(self.keeper.results))
