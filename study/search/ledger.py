"""The Optuna study as the truth of the search: what was asked, every finished fold, what was told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from study.config.schema import Configuration
from study.config.values import plain
from study.core.records import FoldResult
from study.core.secrets import mask_all
from study.engine.changes import VERSION, Change
from study.search import resume, samplers
from study.search.closings import Closing
from study.search.decisions import DECISIONS
from study.search.kept import attributes_of
from study.search.lease import NoLease
from study.search.plan import Plan, baselines
from study.search.proposals import Proposals
from study.search.resume import TRAININGS, VALUES
from study.search.storage import FINGERPRINT, refuse_foreign, storage
from study.search.stored import CONFIG, CONFIGURATION, count_places
from study.search.study_facts import StudyFacts
from study.search.surface.foresight import Foresight
from study.search.surface.prospects import Told, told_of
from study.search.untried import Untried
from study.search.writes import add_trials, close_trials, write_facts

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

NO_LEASE = NoLease()


class Ledger(StudyFacts):
    """Asks, keeps and tells. Guarantees:

    a fold result is durable when :meth:`keep` returns; asking depends on the seed, the trial's number
    and the results told so far; a study interrupted anywhere goes on as if it had not been.
    """

    def __init__(self, plan: Plan, resumed: bool = True, lease: NoLease = NO_LEASE) -> None:
        """Open the plan's study; `resumed` says whether more will be trained, or what is there is only read.

        While the study is owned by a `lease`, nothing is written once another driver has taken it over.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, self.lease, config = plan, lease, plan.config
        kept = storage(config.storage.url)
        refuse_foreign(kept, "study.name", config.study.name, plan.directions)
        self.study = optuna.create_study(
            storage=kept, study_name=config.study.name, load_if_exists=True, directions=plan.directions
        )
        self._check(resumed)
        if resumed:
            self.name_objectives(config.objectives)
        self.baselines = list(baselines(plan).items())
        self.searched = samplers.Searched(plan.directions)
        self.foresight = Foresight(plan, self.searched.beside)
        self.untried = Untried(plan, self.foresight)
        self.proposals = Proposals(plan, self.searched, self.untried, self.foresight)
        self.asked: int | None = None  # trials, where they are asked for one by one, and those of them that count
        self.places = 0
        self.told = list[int]()  # ids of those that were told since one was asked for

    def _check(self, resumed: bool) -> None:
        """Mark a new study, and refuse one that the plan cannot go on with."""
        if FINGERPRINT not in self.study.user_attrs:
            self.study.set_user_attr(FINGERPRINT, self.plan.fingerprint)
        resume.check_values(self.study, self.plan)
        if resumed and self.study.user_attrs.get(TRAININGS) != VERSION:
            resume.check_change(self.change(), self.plan)
            self.study.set_user_attr(TRAININGS, VERSION)

    def change(self) -> Change | None:
        """What has changed since the stored trials were trained, as far as it concerns them or what may be asked."""
        return resume.change_of(self.study.user_attrs.get(TRAININGS, 0), self.trials(), self.plan)

    def keep_config(self) -> None:
        """Keep the study's own configuration without passwords, as it was last run, and what must not change."""
        if self.plan.decided and self.study.user_attrs.get(DECISIONS) != self.plan.decided:
            self.study.set_user_attr(DECISIONS, self.plan.decided)
        for key, value in {CONFIG: mask_all(plain(self.plan.config)), VALUES: self.plan.values}.items():
            text = json.dumps(value, allow_nan=False)
            if self.study.user_attrs.get(key) != text:
                self.study.set_user_attr(key, text)

    @property
    def study_id(self) -> str:
        """A mark of this very study, for its runs in MLflow."""
        return f"{self.study.study_name}:{self.study.user_attrs[FINGERPRINT]}"

    def trials(self) -> list[FrozenTrial]:
        """Every trial that has been asked for, by number."""
        return self.study.get_trials(deepcopy=False)

    def follow(self) -> list[FrozenTrial]:
        """Take over what has been asked and told since, for samplers to learn from; every trial."""
        known = self.trials()
        self.searched.follow(known)
        self.untried.follow(known)
        return known

    def told_trials(self) -> list[Told]:
        """What the searched trials tell so far, the stopped ones by their estimates."""
        self.follow()
        return told_of(self.plan.tree, self.searched.study.get_trials(deepcopy=False), self.foresight)

    def ask_until(self, count: int) -> list[FrozenTrial]:
        """Ask until `count` trials exist that count, fewer where a study that ends when it is settled has used its
        space up; the trials that still run, each with its configuration."""
        from optuna.trial import TrialState

        known = self.follow()
        asked = self._ask_for(len(known), count_places(known), count)
        self.add(asked)
        return [*(t for t in known if t.state == TrialState.RUNNING), *asked]  # of which none is read again

    def ask_more(self, count: int, **notes: Any) -> list[FrozenTrial]:
        """Ask for so many trials more that count, which learn from what has been told, with `notes` beside each; for
        fewer as :meth:`ask_until` does."""
        if self.asked is None:
            known = self.follow()
            self.asked, self.places = len(known), count_places(known)
        # Those that run, which may be a thousand, are not read again.
        self.searched.follow(self.study._storage.get_trial(trial) for trial in self.told)
        self.told = []
        trials = self._ask_for(self.asked, self.places, self.places + count)
        for trial in trials:
            trial.user_attrs |= notes
        self.add(trials)
        self.asked, self.places = self.asked + len(trials), self.places + count_places(trials)
        return trials

    def standing(self) -> int:
        """How many trials have been asked for that count."""
        return count_places(self.trials())

    def has_running(self) -> bool:
        """Whether a trial was asked for and not told."""
        return not all(trial.state.is_finished() for trial in self.trials())

    def is_used_up(self) -> bool:
        """Whether the space holds nothing that keeps the bounds, as far as is known, and has not been asked for."""
        if not self.untried.count:  # from then on it knows what is asked for as it is
            self.follow()
        return self.untried.is_used_up() and self.standing() >= len(self.baselines)

    def _ask_for(self, number: int, first: int, last: int) -> list[FrozenTrial]:
        """What there is to ask for at these places, and what was passed over for it; the first one has the number."""
        asked: list[FrozenTrial] = []
        ends = self.plan.config.search.stop is not None
        for place in range(first, last):
            if ends and place >= len(self.baselines) and self.untried.is_used_up():
                break
            asked += self._ask(number + len(asked), place)
        return asked

    def _ask(self, number: int, place: int) -> list[FrozenTrial]:
        """The baselines come first, then what the sampler proposes; they are still to be written."""
        from optuna.trial import TrialState, create_trial

        if place < len(self.baselines):
            name, configuration = self.baselines[place]
            baseline = create_trial(state=TrialState.RUNNING, user_attrs={"baseline": name})
            return [self._with_configuration(baseline, configuration)]
        base = self.plan.config.configuration
        proposed = self.proposals.propose(number, place)
        return [self._with_configuration(trial, base.with_values(trial.params)) for trial in proposed]

    def _with_configuration(self, asked: FrozenTrial, configuration: Configuration) -> FrozenTrial:
        self.untried.add(configuration)
        asked.user_attrs = {**asked.user_attrs, CONFIGURATION: _dump(configuration)}
        return asked

    def add(self, asked: Sequence[FrozenTrial]) -> None:
        """Ask for trials; they are written at once, whole or not at all."""
        self.lease.check()
        add_trials(self.study, asked)

    def keep(self, *results: tuple[FrozenTrial, FoldResult]) -> None:
        """Make folds' results durable, the answers of each before what says that they are all there."""
        self.lease.check()
        facts = [(t._trial_id, key, text) for t, result in results for key, text in attributes_of(result).items()]
        write_facts(self.study._storage, facts)

    def close(self, *closings: Closing) -> None:
        """Make the ends of trials durable, in their order and all at once."""
        self.lease.check()
        close_trials(self.study._storage, closings)
        self.told += [closing.trial._trial_id for closing in closings]

    def note(self, trial: FrozenTrial, key: str, value: Any) -> None:
        """Write a fact beside a trial."""
        self.note_all([(trial, key, value)])

    def note_all(self, notes: Sequence[tuple[FrozenTrial, str, Any]]) -> None:
        """Write facts beside trials, all at once."""
        write_facts(self.study._storage, [(trial._trial_id, key, value) for trial, key, value in notes])


def _dump(configuration: Configuration) -> str:
    return json.dumps(asdict(configuration), allow_nan=False)
