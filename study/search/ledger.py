"""The Optuna study as the truth of the search: what was asked, every finished fold, what was told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from study.config.schema import Configuration
from study.config.values import plain
from study.core.figures import costs_in_words
from study.core.records import FoldResult, finite
from study.engine.changes import VERSION, Change
from study.search import resume, samplers
from study.search.decisions import DECISIONS
from study.search.kept import attributes_of
from study.search.plan import GRID, Plan, baselines
from study.search.resume import VALUES
from study.search.samplers import CONSTRAINT
from study.search.storage import FINGERPRINT, refuse_foreign, storage
from study.search.stored import CONFIG, CONFIGURATION, ESTIMATE, EXPORT, exports_of
from study.search.untried import REDRAWS, Untried

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

TRAININGS = "lora_study.trainings"  # the version of what a training comes to: study/engine/changes.py
TEST, PACKS = "test:", "lora_study.packs"
LABEL, COSTED = "label", "costs"  # attributes of trials for people alone


class Ledger:
    """Asks, keeps and tells. Guarantees:

    a fold result is durable when :meth:`keep` returns; asking depends on the seed, the trial's number
    and the results told so far; a study interrupted anywhere goes on as if it had not been.
    """

    def __init__(self, plan: Plan, resumed: bool = True) -> None:
        """Open the plan's study; `resumed` says whether more will be trained, or what is there is only read."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, config = plan, plan.config
        kept = storage(config.storage.url)
        refuse_foreign(kept, "study.name", config.study.name, plan.directions)
        self.study = optuna.create_study(
            storage=kept, study_name=config.study.name, load_if_exists=True, directions=plan.directions
        )
        self._check(resumed)
        if resumed:
            self._name_objectives()
        self.baselines = list(baselines(plan).items())
        self.searched = samplers.Searched(plan.directions)
        self.untried = Untried(plan)

    def _check(self, resumed: bool) -> None:
        """Mark a new study, and refuse one that the plan cannot go on with."""
        if FINGERPRINT not in self.study.user_attrs:
            self.study.set_user_attr(FINGERPRINT, self.plan.fingerprint)
        resume.check_values(self.study, self.plan)
        if resumed and self.study.user_attrs.get(TRAININGS) != VERSION:
            resume.check_change(self.change(), self.plan)
            self.study.set_user_attr(TRAININGS, VERSION)

    def _name_objectives(self) -> None:
        """Let Optuna's dashboard call the objectives by their names."""
        import warnings

        from optuna.exceptions import ExperimentalWarning

        names = list(self.plan.config.objectives)
        if self.study.metric_names != names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                self.study.set_metric_names(names)

    def change(self) -> Change | None:
        """What has changed since the stored trials were trained, as far as it concerns them or what may be asked."""
        return resume.change_of(self.study.user_attrs.get(TRAININGS, 0), self.trials(), self.plan)

    def keep_config(self) -> None:
        """Keep the study's own configuration, as it was last run, for what comes after, and what must not change."""
        if self.plan.decided and self.study.user_attrs.get(DECISIONS) != self.plan.decided:
            self.study.set_user_attr(DECISIONS, self.plan.decided)
        for key, value in {CONFIG: plain(self.plan.config), VALUES: self.plan.values}.items():
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

    def ask_until(self, count: int) -> list[FrozenTrial]:
        """Ask until `count` trials exist in all; the trials that still run, each with its configuration."""
        from optuna.trial import TrialState

        known = self.trials()
        self.searched.follow(known)
        self.untried.follow(known)
        for number in range(len(known), count):
            self._ask(number)
        return [t for t in self.trials() if t.state == TrialState.RUNNING]

    def _ask(self, number: int) -> None:
        """The baselines come first, then what the sampler proposes; written at once, whole or not at all."""
        from optuna.trial import TrialState, create_trial

        config = self.plan.config
        if number < len(self.baselines):
            name, configuration = self.baselines[number]
            asked = create_trial(state=TrialState.RUNNING, user_attrs={"baseline": name})
        else:
            asked = self._propose(number)
            configuration = config.configuration.with_values(asked.params)
        asked.user_attrs = {**asked.user_attrs, CONFIGURATION: _dump(configuration)}
        self.study.add_trial(asked)
        self.untried.add(configuration)

    def _propose(self, number: int) -> FrozenTrial:
        """What the sampler proposes, asked again where it repeats a training while others have not been asked for.

        A grid never repeats a configuration, and is taken at its word where two of them train the same.
        """
        config, space = self.plan.config, self.plan.space
        seed, base = config.study.seed, config.configuration
        asked = self.searched.ask(number, samplers.make(config.sampler, space, seed, number), space)
        if config.sampler.get("_target_") == GRID:
            return asked
        if not self.untried.repeats(base.with_values(asked.params)) or (left := self.untried.left()) == []:
            return asked
        for attempt in range(1, REDRAWS):
            asked = self.searched.ask_again(number, samplers.make(config.sampler, space, seed, number, attempt), space)
            if not self.untried.repeats(base.with_values(asked.params)):
                return asked
        if left is None:
            return asked
        return self.searched.ask_again(number, samplers.propose_exactly(self.untried.draw(left, number), seed), space)

    def keep(self, trial: FrozenTrial, result: FoldResult) -> None:
        """Make a fold's result durable, its answers before what says that they are all there."""
        for key, text in attributes_of(result).items():
            self.study._storage.set_trial_user_attr(trial._trial_id, key, text)

    def describe(self, trial: FrozenTrial, label: str, figures: Mapping[str, float]) -> None:
        """Write beside a trial what a person reads of it in Optuna's dashboard."""
        self.note(trial, LABEL, label)
        if costs := costs_in_words(figures):
            self.note(trial, COSTED, costs)

    def keep_constraints(self, trial: FrozenTrial, figures: Mapping[str, float]) -> None:
        """Make durable how far a trial is beyond each constraint, where Optuna's samplers and dashboard look for it."""
        for bound in (bound for bound in self.plan.constraints if bound.name in figures):
            excess = bound.excess(figures[bound.name])
            self.study._storage.set_trial_system_attr(trial._trial_id, f"{CONSTRAINT}{bound}", excess)

    def tell(self, number: int, values: list[float] | None) -> None:
        """Close a trial: its objectives' values, or failed."""
        from optuna.trial import TrialState

        if values is None:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, values)

    def tell_stopped(self, trial: FrozenTrial, estimate: list[float] | None) -> None:
        """Close a trial that ended before its last fold, with what its objectives are estimated to be, for samplers."""
        from optuna.trial import TrialState

        if estimate is not None:
            self.note(trial, ESTIMATE, estimate)
        self.study.tell(trial.number, state=TrialState.PRUNED)

    def pack_sizes(self) -> dict[str, int]:
        """How many members of each group train together, as far as that has been decided."""
        return dict(self.study.user_attrs.get(PACKS, {}))

    def keep_pack_size(self, group: str, size: int) -> None:
        """Decide it for good: a study that is resumed packs alike."""
        self.study.set_user_attr(PACKS, {**self.pack_sizes(), group: size})

    def keep_test_score(self, number: int, figures: dict[str, float]) -> None:
        """Make a held-out score durable; beside the study, since a told trial cannot be changed."""
        self.study.set_user_attr(f"{TEST}{number}", figures)

    def test_scores(self) -> dict[int, dict[str, float]]:
        """The held-out scores taken so far, by trial."""
        attributes = self.study.user_attrs
        kept = {int(k.removeprefix(TEST)): v for k, v in attributes.items() if k.startswith(TEST)}
        return {number: figures for number, figures in kept.items() if finite(figures) == figures}

    def keep_export(self, number: int, label: str, figures: dict[str, float]) -> None:
        """Make an export's figures durable; the last ones of a label stay."""
        self.study.set_user_attr(f"{EXPORT}{number}:{label}", finite(figures))

    def exports(self) -> dict[tuple[int, str], dict[str, float]]:
        """The figures of exports by trial and label."""
        return exports_of(self.study)

    def note(self, trial: FrozenTrial, key: str, value: Any) -> None:
        """Write a fact beside a trial."""
        self.study._storage.set_trial_user_attr(trial._trial_id, key, value)


def _dump(configuration: Configuration) -> str:
    return json.dumps(asdict(configuration), allow_nan=False)
