"""The Optuna study as the truth of the search: what was asked, every finished fold, what was told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from study import tasks
from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig, plain, revived
from study.core.errors import ConfigError, ResumeError, StudyError
from study.core.records import FoldResult, finite
from study.data.examples import Summarized
from study.engine.changes import VERSION, Change, Trained, change_since
from study.search import resume, samplers
from study.search.identity import defaults_of, differences, first_fingerprint, values_of
from study.search.plan import Plan, baselines
from study.search.storage import FINGERPRINT, existing, refuse_foreign, storage
from study.search.upgrade import upgraded
from study.text.rouge import ENGLISH

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

CONFIGURATION, FOLD = "configuration", "fold:"
VALUES = "lora_study.values"  # what the fingerprint is made of: study/search/identity.py
TRAININGS = "lora_study.trainings"  # the version of what a training comes to: study/engine/changes.py
TEST, PACKS, CONFIG, EXPORT = "test:", "lora_study.packs", "lora_study.config", "export:"


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
        self._check()
        if resumed:
            self._check_trainings()
        self.baselines = list(baselines(plan).items())
        self.searched = samplers.Searched(plan.directions)

    def _check(self) -> None:
        """Mark a new study, and refuse one whose values differ from the plan's."""
        known = self.study.user_attrs
        if FINGERPRINT not in known:
            self.study.set_user_attr(FINGERPRINT, self.plan.fingerprint)
        elif VALUES in known:
            changed = differences(json.loads(known[VALUES]), self.plan.values, defaults_of(self.plan.config))
            if changed:
                raise self._other(changed)
        elif known[FINGERPRINT] not in (self.plan.fingerprint, self._first_fingerprint()):
            self._check_words()
            raise self._other(self._first_differences())

    def _other(self, changed: dict[str, tuple[Any, Any]]) -> ResumeError:
        rule, remedy = resume.explained(changed, self.plan.values)
        return ResumeError(
            f"study.name={self.study.study_name}", f"{rule}: trials of the two cannot be compared", remedy
        )

    def _first_fingerprint(self) -> str | None:
        return first_fingerprint(self.plan.config, self.plan.facts, self.plan.weights)

    def _first_differences(self) -> dict[str, tuple[Any, Any]]:
        """What differs from a study of the first schema, as far as its last configuration says."""
        raw = self.study.user_attrs.get(CONFIG)
        if raw is None:
            return {}
        stored = values_of(revived(StudyConfig, upgraded(json.loads(raw))), self.plan.space.extremes(), self.plan.facts)
        return differences(stored, self.plan.values, defaults_of(self.plan.config))

    def _check_words(self) -> None:
        """Raise ResumeError where an earlier version has scored in fragments what is now scored in whole words."""
        stored = json.loads(self.study.user_attrs.get(CONFIG, "{}")).get("task", {})
        examples = self.plan.examples
        if "rouge" not in stored and isinstance(examples, Summarized) and examples.words != ENGLISH:
            raise ResumeError(
                f"study.name={self.plan.config.study.name}",
                "was begun by an earlier version, which scored words of a to z alone, and its summaries have others",
                "add task.rouge=english to go on with it as it was scored, or choose another study.name",
            )

    def changed(self) -> Change | None:
        """What has changed since the stored trials were trained, as far as it concerns them or what may be asked."""
        version = self.study.user_attrs.get(TRAININGS, 0)
        if version == VERSION:
            return None
        departures = [self.plan.config.configuration.with_values(v) for v in self.plan.space.singly()]
        stored = [configuration_of(t) for t in self.trials()]
        return change_since(version, map(self._resolved, [*stored, *departures])) if stored else None

    def _resolved(self, configuration: Configuration) -> Trained:
        try:
            return configuration, self.plan.adaptation(configuration)
        except StudyError:  # it does not fit its model, so that nothing was trained
            return configuration, None

    def _check_trainings(self) -> None:
        """Refuse to add trials to a study whose own would now come out otherwise; mark what is trained as of now."""
        change = self.changed()
        if change is not None:
            raise ResumeError(
                f"study.name={self.plan.config.study.name}",
                f"was trained by an earlier version: trainings now {change.what}, so that new trials could not be "
                "compared with those that are there",
                "choose another study.name to train it anew; lora-report and lora-export still read this one",
            )
        if self.study.user_attrs.get(TRAININGS) != VERSION:
            self.study.set_user_attr(TRAININGS, VERSION)

    def keep_config(self) -> None:
        """Keep the study's own configuration, as it was last run, for what comes after, and what must not change."""
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
        for number in range(len(known), count):
            self._ask(number)
        return [t for t in self.trials() if t.state == TrialState.RUNNING]

    def _ask(self, number: int) -> None:
        """The baselines come first, then what the sampler proposes; written at once, whole or not at all."""
        from optuna.trial import TrialState, create_trial

        config, space = self.plan.config, self.plan.space
        if number < len(self.baselines):
            name, configuration = self.baselines[number]
            asked = create_trial(state=TrialState.RUNNING, user_attrs={"baseline": name})
        else:
            asked = self.searched.ask(number, samplers.make(config.sampler, space, config.study.seed, number), space)
            configuration = config.configuration.with_values(asked.params)
        asked.user_attrs = {**asked.user_attrs, CONFIGURATION: _dump(configuration)}
        self.study.add_trial(asked)

    def keep(self, trial: FrozenTrial, result: FoldResult) -> None:
        """Make a fold's result durable."""
        self.study._storage.set_trial_user_attr(trial._trial_id, f"{FOLD}{result.fold}", result.to_json())

    def tell(self, number: int, values: list[float] | None) -> None:
        """Close a trial: its objectives' values, or failed."""
        from optuna.trial import TrialState

        if values is None:
            self.study.tell(number, state=TrialState.FAIL)
        else:
            self.study.tell(number, values)

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


def find(url: str, name: str) -> tuple[Study, StudyConfig]:
    """A stored study and the configuration that it was last run with; creates nothing.

    Raises ConfigError where there is none.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kept = existing(url)
    names = [s.study_name for s in kept.get_all_studies()]
    if name not in names:
        rule, known = f"is no study in {url}", ", ".join(sorted(names)) or "none yet"
        raise ConfigError(f"study={name}", rule, f"choose one of: {known}")
    refuse_foreign(kept, "study", name)
    study = optuna.load_study(study_name=name, storage=kept)
    if CONFIG not in study.user_attrs:
        rule, remedy = "was stored without its configuration", "repeat the study's command, which adds it"
        raise ConfigError(f"study={name}", rule, remedy)
    return study, _revived(json.loads(study.user_attrs[CONFIG]))


def _revived(raw: dict[str, Any]) -> StudyConfig:
    """A stored configuration; one of a version that knew English words alone says so, where a task reads words."""
    config = revived(StudyConfig, upgraded(raw))
    if "rouge" in raw["task"] or "rouge" not in tasks.get(config.task.name).reads(config.task):
        return config
    return replace(config, task=replace(config.task, rouge=ENGLISH.name))


def exports_of(study: Study) -> dict[tuple[int, str], dict[str, float]]:
    """The figures of a stored study's exports by trial and label."""
    out = {}
    for key, figures in study.user_attrs.items():
        if key.startswith(EXPORT):
            number, _, label = key.removeprefix(EXPORT).partition(":")
            out[int(number), label] = finite(figures)
    return dict(sorted(out.items()))


def configuration_of(trial: FrozenTrial) -> Configuration:
    """What the trial trains."""
    return revived(Configuration, json.loads(trial.user_attrs[CONFIGURATION]))


def folds_of(trial: FrozenTrial) -> dict[int, FoldResult]:
    """The results that the trial's folds have so far."""
    return {
        int(k.removeprefix(FOLD)): FoldResult.from_json(v) for k, v in trial.user_attrs.items() if k.startswith(FOLD)
    }


def result_of(
    trial: FrozenTrial,
    folds: Mapping[int, FoldResult],
    others: Mapping[int, TrialResult],
    original: int | None = None,
) -> TrialResult:
    """A trial with its own folds, or with those of the one of the `others` that it repeats: `original`, or as noted."""
    original = trial.user_attrs.get("duplicate_of") if original is None else original
    taken = tuple(folds[k] for k in sorted(folds)) if original is None else others[original].folds
    return TrialResult(trial.number, configuration_of(trial), taken, trial.user_attrs.get("baseline"), original)


def _dump(configuration: Configuration) -> str:
    return json.dumps(asdict(configuration), allow_nan=False)
