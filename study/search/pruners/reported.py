"""Optuna's pruners, for a study with one objective: its trials are reported to them fold by fold."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

from study.config.members import Stop
from study.core.errors import ConfigError
from study.core.figures import FIGURES, direction
from study.search.pruners.base import Entry, Pruner, Race

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.trial import TrialState


class Reported(Pruner):
    """Stops what a pruner of Optuna prunes; the objective of each fold is one step, counted from 1.

    The pruner is shown the study in memory as it happened, round by round and fold after fold: some pruners keep notes
    beside the trials, and a study that goes on must meet the same ones. `size` trials make a round.
    """

    def __init__(self, pruner: BasePruner, objectives: Sequence[str], size: int) -> None:
        if len(objectives) != 1:
            rule = f"knows one objective, and objectives={[*objectives]} has {len(objectives)}"
            raise ConfigError(f"pruner={type(pruner).__name__}", rule, "take pruner=racing, or a single objective")
        self.pruner, self.objective, self.size = pruner, objectives[0], size
        self.past = _Shown(pruner, self.objective)  # the rounds that are over, and their entries
        self.shown: list[Entry] = []

    def waves(self, folds: int) -> tuple[range, ...]:
        return tuple(range(k, k + 1) for k in range(folds))

    def stops(self, race: Race) -> list[Stop]:
        folds = {entry.number: len(entry.folds) for entry in race.open}
        if not folds:
            return []
        pruned: list[int] = []
        for current in sorted({number // self.size for number in folds}):  # several, where there are no rounds
            self._show([e for e in race.entries if e.number // self.size < current])
            present = copy.deepcopy(self.past)
            pruned += present.tell([e for e in race.entries if e.number // self.size == current])
        return [Stop(n, folds[n], f"is pruned by {type(self.pruner).__name__}") for n in pruned if n in folds]

    def _show(self, past: list[Entry]) -> None:
        """Tell the rounds that are over, as far as they are new."""
        if past[: len(self.shown)] != self.shown:
            self.past, self.shown = _Shown(self.pruner, self.objective), []
        rounds: dict[int, list[Entry]] = {}
        for entry in past[len(self.shown) :]:
            rounds.setdefault(entry.number // self.size, []).append(entry)
        for entries in rounds.values():
            self.past.tell(entries)
        self.shown = past


class _Shown:
    """A study in memory as a pruner of Optuna, which is copied as it was made, has seen it."""

    def __init__(self, pruner: BasePruner, objective: str) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.pruner, self.objective = copy.deepcopy(pruner), objective
        self.storage = optuna.storages.InMemoryStorage()
        self.study = optuna.create_study(
            storage=self.storage, study_name="study", direction=direction(objective), pruner=self.pruner
        )

    def tell(self, entries: Sequence[Entry]) -> list[int]:
        """Tell a round, and return which of its trials were to be pruned after their last fold."""
        ids = {e.number: self.storage.create_new_trial(self.study._study_id) for e in entries}
        pruned: dict[int, bool] = {}
        for fold in sorted({fold for e in entries for fold in e.folds}):
            values = {e.number: e.folds[fold].metrics.get(self.objective) for e in entries if fold in e.folds}
            steps = {number: value for number, value in values.items() if value is not None}
            for number, value in steps.items():
                self.storage.set_trial_intermediate_value(ids[number], fold + 1, value)
            for number in steps:
                pruned[number] = self.pruner.prune(self.study, self.storage.get_trial(ids[number]))
        for entry in (e for e in entries if e.state != "running"):
            self.storage.set_trial_state_values(ids[entry.number], *self._outcome(entry))
        return [number for number, out in pruned.items() if out]

    def _outcome(self, entry: Entry) -> tuple[TrialState, list[float] | None]:
        from optuna.trial import TrialState

        if entry.state != "complete":
            return {"stopped": TrialState.PRUNED, "failed": TrialState.FAIL}[entry.state], None
        values = [f.metrics[self.objective] for f in entry.folds.values()]
        return TrialState.COMPLETE, [float(FIGURES[self.objective].combine(values))]
