"""What a sampler sees and proposes: the searched trials in memory, with a sampler made anew for each trial."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from statistics import median
from typing import TYPE_CHECKING, Any

from study.core import seeding
from study.core.build import build
from study.search.stored import ESTIMATE

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, TrialState

    from study.config.space import Space


CONSTRAINT = "constraints:"  # begins the name of an attribute in which Optuna keeps how far a trial is beyond one


def make(config: Mapping[str, Any], space: Space, seed: int, trial: int, attempt: int = 0, **more: Any) -> BaseSampler:
    """The sampler for one trial, whose target is offered `seed` (the trial's), `study_seed`, `space` and what `more`.

    Each further `attempt` at the same trial has a seed of its own.

    A sampler that lived on would carry its random state from trial to trial; a resumed study would
    start it again and search elsewhere. Raises ConfigError where it cannot be made.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.samplers import BaseSampler

    drawn = seeding.derive(seed, "sampler", trial, *([attempt] if attempt else [])) % 2**31
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # who names a sampler has chosen it
        warnings.filterwarnings("ignore", ".*warn_independent_sampling.*")
        # Optuna's TPE learns a branch of a tree from the trials that have its keys, others draw them by chance.
        grouped = bool(space.readers) and bool(config.get("multivariate"))
        branches = {"group": True} if grouped else {"warn_independent_sampling": False} if space.readers else {}
        made = build("sampler", config, BaseSampler, seed=drawn, study_seed=seed, space=space, **branches, **more)
    return made if grouped else _with_space(space, made)


def grid(space: Space, study_seed: int) -> BaseSampler:
    """Every configuration of the space once; ConfigError for a key that has infinitely many values.

    The grid is shuffled by its seed, so that one must not change from trial to trial.
    """
    import optuna

    from study.search.branches import Branches

    return Branches(space, study_seed) if space.readers else optuna.samplers.GridSampler(space.grid(), seed=study_seed)


def propose_exactly(values: dict[str, Any], seed: int) -> BaseSampler:
    """A sampler that proposes these values."""
    import optuna

    return fix(values, optuna.samplers.RandomSampler(seed))


def fix(values: dict[str, Any], sampler: BaseSampler) -> BaseSampler:
    """The sampler, which chooses beside these values."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.PartialFixedSampler(values, sampler)


def _with_space(space: Space, sampler: BaseSampler) -> BaseSampler:
    """The sampler, told which keys all trials have: to infer them, Optuna compares all trials, each time anew."""
    several = {k: d for k, d in sorted(space.common.items()) if not d.single()}
    sampler.infer_relative_search_space = lambda study, trial: several  # type: ignore[method-assign]
    return sampler


class Searched:
    """The searched trials of a study, in their order, as an Optuna study in memory. Guarantees:

    asking reads and writes no storage; what is asked depends on the sampler and on the trials followed so far;
    baselines, which lie outside the space, are not among them.

    A trial that was stopped is among them as complete, with the estimate of its objectives that its ledger keeps: its
    scores with the difficulty of their folds taken out, so that a trial that stopped on an easy fold looks no better
    than it is, and none looks as bad as samplers take pruned trials to be. Where nothing is known of it (it had no
    fold) it counts as failed, of which samplers learn nothing. One that is known to break a bound before it trains is
    told at once, and counts as complete with how far it is beyond each constraint.
    """

    def __init__(self, directions: list[Any]) -> None:
        import optuna

        self.storage = optuna.storages.InMemoryStorage()
        self.study = optuna.create_study(storage=self.storage, directions=directions)
        self.ids: dict[int, int] = {}  # of trials by their number in the whole study
        self.running: set[int] = set()
        self.beside: dict[int, list[float]] = {}  # values of the baselines that were told
        self.told_early = False  # something while others of its round had still to be asked for

    def follow(self, trials: Iterable[FrozenTrial]) -> None:
        """Take over, in the order of their numbers, the trials that are new or were told since."""
        self._forget_notes()
        for trial in trials:
            if "baseline" in trial.user_attrs:
                self.beside |= {trial.number: trial.values} if trial.values else {}
                continue
            if trial.number not in self.ids:
                self._add(trial)
            elif trial.number in self.running and trial.state.is_finished():
                # Not Study.tell: it lets the grid sampler stop the study, and here the budget alone ends one.
                for name, value in constraints_of(trial).items():
                    self.storage.set_trial_system_attr(self.ids[trial.number], name, value)
                self.storage.set_trial_state_values(self.ids[trial.number], *_outcome(trial))
                self.running.discard(trial.number)

    def ask(self, number: int, sampler: BaseSampler, space: Space) -> FrozenTrial:
        """The next trial, running, with values for the whole space and the sampler's own notes."""
        self.study.sampler = sampler
        trial = self.study.ask()
        space.ask(trial)
        self.ids[number] = trial._trial_id
        self.running.add(number)
        return self.storage.get_trial(trial._trial_id)

    def ask_again(self, number: int, sampler: BaseSampler, space: Space) -> FrozenTrial:
        """The trial that was asked for last, proposed anew; what it was proposed to be leaves no trace."""
        import optuna

        trial = self.storage.get_trial(self.ids[number])  # itself, no copy
        trial.params, trial.distributions, trial.system_attrs = {}, {}, {}
        # Not the study itself, which may remember its trials as they were.
        study = optuna.load_study(study_name=self.study.study_name, storage=self.storage, sampler=sampler)
        space.ask(optuna.trial.Trial(study, trial._trial_id))
        return self.storage.get_trial(trial._trial_id)

    def tell_beforehand(
        self, number: int, beyond: Mapping[str, float], known: Sequence[float | None] | None
    ) -> list[float] | None:
        """Tell the trial that was asked for last, which breaks a bound by a figure that is known: how far it is
        `beyond` each constraint, and the values of its objectives, which are returned.

        Values that are not `known` are supposed to be the medians of those told: what Optuna's GP and NSGA-II learn
        from must have some. Where nothing has been told, or known is None, there are none.
        """
        from optuna.trial import TrialState

        self.told_early = True
        told = [t.values for t in self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
        supposed, columns = None, zip(*told, strict=True)
        if known is not None and (told or None not in known):
            supposed = [median(column) if value is None else value for value, column in zip_longest(known, columns)]
        for name, value in beyond.items():
            self.storage.set_trial_system_attr(self.ids[number], name, value)
        state = TrialState.PRUNED if supposed is None else TrialState.COMPLETE
        self.storage.set_trial_state_values(self.ids[number], state, supposed)
        self.running.discard(number)
        return supposed

    def _forget_notes(self) -> None:
        """Let samplers note on the study anew what they made of its trials, where one was told before its round was
        asked for whole: a resumed study would note otherwise."""
        if self.told_early:
            self.storage._studies[self.study._study_id].system_attrs.clear()
            self.told_early = False

    def _add(self, trial: FrozenTrial) -> None:
        from optuna.trial import create_trial

        state, values = _outcome(trial)
        copy = create_trial(
            state=state, values=values, params=trial.params, distributions=trial.distributions,
            system_attrs={**trial.system_attrs, **constraints_of(trial)}, intermediate_values=trial.intermediate_values,
        )  # fmt: skip
        self.ids[trial.number] = self.storage.create_new_trial(self.study._study_id, copy)
        if not state.is_finished():
            self.running.add(trial.number)


def constraints_of(trial: FrozenTrial) -> dict[str, float]:
    """How far the trial is beyond each constraint, by the name of its system attribute."""
    return {name: value for name, value in sorted(trial.system_attrs.items()) if name.startswith(CONSTRAINT)}


def _outcome(trial: FrozenTrial) -> tuple[TrialState, list[float] | None]:
    """A trial's state and values as samplers learn them."""
    from optuna.trial import TrialState

    if trial.state not in (TrialState.PRUNED, TrialState.RUNNING):
        return trial.state, trial.values
    infeasible = any(value > 0 for value in constraints_of(trial).values())
    if trial.state == TrialState.RUNNING and not infeasible:
        return TrialState.RUNNING, None
    if (estimate := trial.user_attrs.get(ESTIMATE)) is not None:
        return TrialState.COMPLETE, estimate
    return TrialState.PRUNED if infeasible else TrialState.FAIL, None
