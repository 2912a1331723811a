"""What a pruner is asked between the waves of each round, and what comes of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from study.config.members import Stop, TrialResult
from study.core.evidence.table import grain_of
from study.core.records import INFEASIBLE, FoldResult
from study.search import pruners
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.progress import Progress
from study.search.pruners import Entry, Race
from study.search.pruners.table import estimated_values
from study.search.stored import configuration_of, stop_attribute

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from study.search.pruners.base import State

Folds = Mapping[int, Mapping[int, FoldResult]]  # the results that there are, by trial and fold
Count = int | Mapping[int, int]  # of folds that count: of each trial, or by trial


class Races:
    """The races of a study, round by round. Guarantees:

    a decision falls between two waves, which are fixed, and rests on results of waves that are over; it is durable
    before anything else happens, and a round that is taken up again decides the rest as it would have.

    `beside` are trials, by number, that train in no round, each with the folds that it has so far: rivals of others.
    """

    def __init__(self, plan: Plan, ledger: Ledger, progress: Progress) -> None:
        self.plan, self.ledger, self.progress = plan, ledger, progress
        self.pruner = pruners.make(plan.config, plan.tolerance)
        self.ended: list[Entry] = []
        self.beside: dict[int, tuple[FrozenTrial, Mapping[int, FoldResult]]] = {}

    def waves(self) -> tuple[range, ...]:
        """The folds that a round trains between two decisions."""
        return self.pruner.waves(len(self.plan.folds))

    def remember(self, result: TrialResult) -> None:
        """Take a trial over that has ended and repeats no other: what runs is held against it from now on."""
        folds = {f.fold: f for f in result.folds}
        self.ended.append(Entry(result.trial, _state(result), folds, self.plan.known_figures(result.configuration)))

    def stop(
        self, trials: list[FrozenTrial], kept: Folds, stops: Mapping[int, Stop], trained: Count
    ) -> dict[int, Stop]:
        """Ask which of the round's trials stop before the wave that follows `trained` folds, and keep the answers."""
        by_number, answers = {t.number: t for t in trials}, self._decide(trials, kept, stops, trained)
        self.ledger.note_all([(by_number[stop.trial], *stop_attribute(stop)) for stop in answers])
        for stop in answers:
            self.progress.trial_stopped(stop)
        return {stop.trial: stop for stop in answers}

    def _decide(self, trials: list[FrozenTrial], kept: Folds, stops: Mapping[int, Stop], trained: Count) -> list[Stop]:
        """What breaks a constraint by a figure that is known does not train; of the others the pruner decides."""
        if not trials:
            return []
        race = self._race(trials, kept, stops, trained)
        infeasible = [stop for entry in race.open if not entry.folds and (stop := self._infeasible(entry)) is not None]
        out = {stop.trial for stop in infeasible}
        left = [replace(e, state="stopped", open=False) if e.number in out else e for e in race.entries]
        return [*infeasible, *self.pruner.stops(replace(race, entries=left))]

    def _infeasible(self, entry: Entry) -> Stop | None:
        broken = [f"{bound} with {entry.known[bound.name]:.6g}" for bound in self.plan.broken(entry.known)]
        return Stop(entry.number, 0, f"breaks {' and '.join(broken)}", state=INFEASIBLE) if broken else None

    def going(self, trials: list[FrozenTrial], kept: Folds, stops: Mapping[int, Stop], trained: Count) -> set[int]:
        """Those of the round's trials that train on after `trained` folds."""
        return {e.number for e in self._entries(trials, kept, stops, trained) if e.state == "running"}

    def estimates(self, trials: list[FrozenTrial], kept: Folds, stops: Mapping[int, Stop]) -> dict[int, list[float]]:
        """The objectives of those of the round's trials that were stopped, as far as they can be estimated."""
        if not stops:
            return {}
        race = self._race(trials, kept, stops, len(self.plan.folds))
        return estimated_values(race, [*stops], self.plan.config.objectives)

    def _race(self, trials: list[FrozenTrial], kept: Folds, stops: Mapping[int, Stop], trained: Count) -> Race:
        """The study when `trained` folds of the round's trials count."""
        entries = [*self.ended, *self._entries(trials, kept, stops, trained), *self._beside(trials)]
        sizes = [len(fold.valid) for fold in self.plan.folds]
        return Race(sorted(entries, key=lambda e: e.number), sizes, grain_of(self.plan.metric))

    def _beside(self, trials: list[FrozenTrial]) -> list[Entry]:
        """What trains beside the trials, of which nothing is asked."""
        asked, every = {t.number for t in trials}, len(self.plan.folds)
        others = [each for number, each in self.beside.items() if number not in asked]
        return [replace(self._runner(t, folds, every, None), open=False) for t, folds in others]

    def _entries(
        self, trials: list[FrozenTrial], kept: Folds, stops: Mapping[int, Stop], trained: Count
    ) -> list[Entry]:
        """The round's trials when `trained` of their folds count."""
        counts = {t.number: trained for t in trials} if isinstance(trained, int) else trained
        return [self._runner(t, kept[t.number], counts[t.number], stops.get(t.number)) for t in trials]

    def _runner(self, trial: FrozenTrial, folds: Mapping[int, FoldResult], trained: int, stop: Stop | None) -> Entry:
        """One of the round's trials.

        A round that is taken up again passes the points of its former decisions: a trial that has a result beyond this
        point, or a decision about it, is not asked about again. A baseline never is.
        """
        known = self.plan.known_figures(configuration_of(trial))
        counted = {k: r for k, r in folds.items() if k < trained}
        if any(r.score is None for r in counted.values()):
            return Entry(trial.number, "failed", counted, known)
        if stop is not None and stop.folds <= trained:
            return Entry(trial.number, "stopped", {k: r for k, r in counted.items() if k < stop.folds}, known)
        asked = "baseline" not in trial.user_attrs and len(folds) == len(counted)
        return Entry(trial.number, "running", counted, known, open=asked)


def _state(result: TrialResult) -> State:
    if result.state is not None:  # nobody's rival, also where it has all its folds and is infeasible
        return "stopped"
    return "complete" if result.complete else "failed"
