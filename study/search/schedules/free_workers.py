"""No rounds: a trial is asked for as soon as a worker is free, which gives up that timing changes nothing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from study.config.members import Member, count_results
from study.core.records import FoldResult
from study.search.schedules.base import TrialKeeper
from study.search.schedules.running import RunningTrial, RunningTrials
from study.search.stored import count_places

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class FreeWorkers(RunningTrials):
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
        self.due: list[RunningTrial] = []  # of which nothing trains
        self.ready: deque[list[Member]] = deque()
        self.out: dict[tuple[int, int], set[tuple[int, int]]] = {}  # members at workers, each with those of its pack
        self.busy = 0  # packs at workers
        self.asked, self.ended = 0, False

    def run(self) -> None:
        trials = self.ledger.trials()
        self.asked = count_places(trials)
        self._look_for_the_end()
        for trial in trials:
            if not trial.state.is_finished():
                self._begin(trial)
        for batch in self.keeper.stream(self._packs(), self._packs):
            for result in self.keeper.keep(*((self.running[result.trial].trial, result) for result in batch)):
                self._take(result)

    def _packs(self) -> list[list[Member]]:
        """What free workers are to train now."""
        packs: list[list[Member]] = []
        self._decide()
        while (free := self.keeper.launcher.workers - self.busy) > 0:
            if self.ready:
                packs.append(self._give(self.ready.popleft()))
            elif (count := min(-(-free // len(self.races.waves()[0])), self._left)) > 0:
                asked = self.ledger.ask_more(count)  # as many as occupy them, to be decided on together
                if not asked:  # the space is used up, which ends the search when all of it has been told
                    break
                self.asked += count_places(asked)
                for trial in asked:
                    self._begin(trial)
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
        """Begin with a trial, or go on with it; what follows is to be decided."""
        if (begun := self.begin(trial)) is not None:
            self.due.append(begun)

    def _take(self, result: FoldResult) -> None:
        """Take a fold; where no other of its trial trains, what follows is to be decided."""
        running = self.running[result.trial]
        running.folds[result.fold] = result
        pack = self.out.pop((result.trial, result.fold))
        pack.discard((result.trial, result.fold))
        if not pack:
            self.busy -= 1
        if all(fold in running.folds for fold in running.wave):
            self.due.append(running)

    def _decide(self) -> None:
        """Let the next folds of the trials that are due train, or tell those that are stopped, failed or complete."""
        due, self.due = self.due, []
        if not due:
            return
        going = self.decide(due)
        for running in going:
            self._train_next(running)
        if len(going) < len(due):
            self._look_for_the_end()

    def _train_next(self, running: RunningTrial) -> None:
        missing = [m for m in running.members if m.fold not in running.folds]
        running.wave = next(wave for wave in self.races.waves() if any(m.fold in wave for m in missing))
        self.ready += self.keeper.pack([m for m in missing if m.fold in running.wave])

    def _look_for_the_end(self) -> None:
        """Ask whether the search is over, where more trials would be asked for."""
        if self._left > 0:
            done = count_results(self.keeper.results)
            self.ended = self.keeper.ending.is_here(done, done % self.plan.config.search.round == 0)
