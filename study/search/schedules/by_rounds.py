"""Rounds: trials are asked for together, and decided on at points that are fixed, whoever is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.config.members import count_results
from study.search.closings import EndedTrial
from study.search.schedules.base import Schedule
from study.search.stored import configuration_of, stop_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


class Rounds(Schedule):
    """Decisions fall at the end of a round and between its waves, in the order of the trials.

    The study is a function of its seed and its results, for any number of workers.
    """

    name = "rounds"

    def run(self) -> None:
        settings, done = self.plan.config, count_results(self.keeper.results)
        total, size = settings.study.trials, settings.search.round
        unfinished = self.ledger.has_running()  # of a round that was interrupted or asked again, after an end as well
        while done < total and (unfinished or not self.keeper.ending.is_here(done, done % size == 0)):
            unfinished = False
            until = min(total, (done // size + 1) * size)
            trials = [t for t in self.ledger.ask_until(until) if t.number not in self.keeper.losses.open]
            if not trials:  # all that is left is open, and the space is used up
                return
            self._round(trials)
            done = self.ledger.standing()

    def _round(self, trials: list[FrozenTrial]) -> None:
        keeper, originals = self.keeper, self._originals(trials)
        kept, by_number = {t.number: keeper.open(t) for t in trials}, {t.number: t for t in trials}
        runners = [t for t in trials if t.number not in originals]
        members = [m for t in runners for m in keeper.members(t, kept[t.number])]
        stops = {t.number: stop for t in runners if (stop := stop_of(t)) is not None}
        for wave in self.races.waves():
            stops |= self.races.stop(runners, kept, stops, wave.start)
            going = self.races.going(runners, kept, stops, wave.start)
            wanted = [m for m in members if m.fold in wave and m.trial in going]
            known = {(t, f) for t, folds in kept.items() for f in folds}
            for batch in keeper.stream(keeper.pack(wanted, known), known=known):
                for result in keeper.keep(*((by_number[result.trial], result) for result in batch)):
                    kept[result.trial][result.fold] = result
        estimates = self.races.estimates(runners, kept, stops)
        ended = (  # an original comes before what repeats it
            EndedTrial(t, kept[n], originals.get(n), stops.get(n), estimates.get(n)) for n, t in by_number.items()
        )
        keeper.tell(*ended)

    def _originals(self, trials: list[FrozenTrial]) -> dict[int, int]:
        """Which trials repeat an earlier one, told or of this round; failed ones are tried again."""
        first, out = dict(self.keeper.first), {}
        for trial in trials:
            known = first.setdefault(self.plan.training(configuration_of(trial)), trial.number)
            if known != trial.number:
                out[trial.number] = known
        return out
