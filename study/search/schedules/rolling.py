"""Rolling rounds: a trial that ends gives its place in the round to another one before the next wave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.search.schedules.base import TrialKeeper
from study.search.schedules.running import RunningTrial, RunningTrials
from study.search.stored import WAVE, count_places

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class Rolling(RunningTrials):
    """Decisions fall between waves, each of which trains the next folds of every running trial.

    Then what is stopped, failed or complete is told, and as many others are asked for, so that `search.round` trials
    run in each wave and no worker waits for a round to end. The study is a function of its seed and its results, for
    any number of workers: in which wave a trial began, and how many waves are over, is durable.
    """

    name = "rolling"

    def __init__(self, keeper: TrialKeeper) -> None:
        super().__init__(keeper)
        self.wave = self.ledger.waves()  # the number of the next one, which is how many are over
        self.asked = 0

    def run(self) -> None:
        trials = self.ledger.trials()
        self.asked = count_places(trials)
        self._resume([t for t in trials if not t.state.is_finished()])
        self.decide([*self.running.values()])
        self._fill()
        while self.running:
            self._train()
            self.decide([*self.running.values()])
            self._fill()

    def _resume(self, trials: list[FrozenTrial]) -> None:
        """Go on with what was asked for and not told; a failed trial that is asked again begins with this wave."""
        self.ledger.note_all([(t, WAVE, self.wave) for t in trials if WAVE not in t.user_attrs])
        for trial in trials:
            self._begin(trial, trial.user_attrs.get(WAVE, self.wave))

    def _begin(self, trial: FrozenTrial, began: int) -> None:
        """Begin with a trial, or go on with it where it was when the waves that are over had ended."""
        if (begun := self.begin(trial)) is not None:
            every = range(len(self.plan.folds))
            missing = next((k for k in every if k not in begun.folds), len(every))
            over = [w for w in self.races.waves()[: self.wave - began] if w.stop <= missing]
            begun.wave = over[-1] if over else range(0)

    def _fill(self) -> None:
        """Ask for as many trials as there is room for, until none of them ends before it has trained."""
        config = self.plan.config
        while (free := min(config.search.round - len(self.running), config.study.trials - self.asked)) > 0:
            if self.keeper.ending.is_here(self.asked, fixed=True):
                return
            asked = self.ledger.ask_more(free, **{WAVE: self.wave})
            self.asked += count_places(asked)
            for trial in asked:
                self._begin(trial, self.wave)
            self.decide([r for r in self.running.values() if not r.wave.stop])

    def _train(self) -> None:
        """Train the next folds of every running trial; then another wave is over."""
        for running in self.running.values():
            running.wave = next(w for w in self.races.waves() if w.start == running.wave.stop)
        wanted = [m for r in self.running.values() for m in r.members if m.fold in r.wave]
        known = {(n, k) for n, r in self.running.items() for k in r.folds}
        for batch in self.keeper.stream(self.keeper.pack(wanted, known), known=known):
            for result in self.keeper.keep(*((self.running[result.trial].trial, result) for result in batch)):
                self.running[result.trial].folds[result.fold] = result
        self.wave += 1
        self.ledger.keep_waves(self.wave)

    def horizon(self, running: RunningTrial) -> int:
        """The first fold after the last wave; one that does not fit its model never trains, and is told at once."""
        return running.wave.stop if running.members else len(self.plan.folds)
