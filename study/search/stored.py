"""What a store holds of a study, read back: its configuration, its trials and their folds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from study import tasks
from study.config.members import Stop, TrialResult
from study.config.schema import Configuration, StudyConfig
from study.config.values import revive
from study.core.errors import ConfigError
from study.core.records import FoldResult, finite
from study.data.folds import repeat_of
from study.search.kept import attributes_of, folds_in
from study.search.storage import existing, refuse_foreign
from study.search.upgrade import upgrade
from study.text.rouge import ENGLISH

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# Names of attributes, of trials (folds: study/search/kept.py) and of the study itself.
# Stores of every version have them.
CONFIGURATION, STOPPED, ESTIMATE, REPLACES = "configuration", "stopped", "estimate", "replaces"
PASSED_OVER = "passed_over"  # of a trial that takes no place: it broke a bound, and another was asked for instead
WAVE = "wave"  # in which a trial began, where trials begin one after another
CONFIG, EXPORT, REPEAT = "lora_study.config", "export:", "repeat:"


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
    config = _revive(json.loads(study.user_attrs[CONFIG]))
    return study, replace(config, study=replace(config.study, name=name))  # no other names folders, whoever wrote it


def _revive(raw: dict[str, Any]) -> StudyConfig:
    """A stored configuration; one of a version that knew English words alone says so, where a task reads words."""
    config = revive(StudyConfig, upgrade(raw))
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


def repeats_of(study: Study) -> dict[int, dict[int, FoldResult]]:
    """The results of a stored study's further cross-validations, by trial and by the fold's index."""
    by_trial: dict[int, dict[str, Any]] = {}
    for key, value in study.user_attrs.items():
        if key.startswith(REPEAT):
            number, _, name = key.removeprefix(REPEAT).partition(":")
            by_trial.setdefault(int(number), {})[name] = value
    return {number: folds_in(attributes) for number, attributes in sorted(by_trial.items())}


def with_repeats(
    results: Mapping[int, TrialResult], repeats: Mapping[int, Mapping[int, FoldResult]]
) -> dict[int, TrialResult]:
    """The results by trial, each with the further cross-validations of which it has every fold, failed ones too."""
    return {n: replace(r, repeats=_whole(len(r.folds), repeats[n])) if n in repeats else r for n, r in results.items()}


def _whole(k: int, folds: Mapping[int, FoldResult]) -> tuple[FoldResult, ...]:
    """The results, in the order of their folds, of those cross-validations that have all `k`."""
    counts = Counter(repeat_of(k, index)[0] for index in folds)
    return tuple(folds[index] for index in sorted(folds) if counts[repeat_of(k, index)[0]] == k)


def configuration_of(trial: FrozenTrial) -> Configuration:
    """What the trial trains; a key that its version did not have is at its default."""
    return _read_configuration(trial.user_attrs[CONFIGURATION])


@lru_cache(4096)  # a trial's is asked for at each point of a race
def _read_configuration(text: str) -> Configuration:
    return revive(Configuration, json.loads(text))


def folds_of(trial: FrozenTrial) -> dict[int, FoldResult]:
    """The results that the trial's folds have so far."""
    return folds_in(trial.user_attrs)


def stop_of(trial: FrozenTrial) -> Stop | None:
    """Why the trial was stopped before its last fold; None where it was not, or not yet."""
    raw = trial.user_attrs.get(STOPPED)
    return None if raw is None else Stop(**raw)


def stop_attribute(stop: Stop) -> tuple[str, dict[str, Any]]:
    """The attribute, by name and value, that :func:`stop_of` reads."""
    return STOPPED, asdict(stop)


def result_of(
    trial: FrozenTrial,
    folds: Mapping[int, FoldResult],
    others: Mapping[int, TrialResult],
    original: int | None = None,
    stopped: Stop | None = None,
) -> TrialResult:
    """A trial with its own folds, or with those of the one of the `others` that it repeats: `original`, or as noted.

    It was `stopped` so, or as noted, or as the one that it repeats was.
    """
    original = trial.user_attrs.get("duplicate_of") if original is None else original
    configuration, baseline = configuration_of(trial), trial.user_attrs.get("baseline")
    if original is None:
        taken, stopped = tuple(folds[k] for k in sorted(folds)), stopped or stop_of(trial)
    else:
        taken, stopped = others[original].folds, others[original].stopped
    replaces = trial.user_attrs.get(REPLACES)
    passed_over = PASSED_OVER in trial.user_attrs
    return TrialResult(
        trial.number, configuration, taken, baseline, original, stopped, replaces=replaces, passed_over=passed_over
    )


def replaced_numbers(trials: Iterable[FrozenTrial]) -> set[int]:
    """The numbers of the trials that were asked again as others, and count no more."""
    return {trial.user_attrs[REPLACES] for trial in trials if REPLACES in trial.user_attrs}


def count_places(trials: Collection[FrozenTrial]) -> int:
    """How many trials count for `study.trials`: not those that others replace, nor those that were passed over."""
    return len(trials) - len(replaced_numbers(trials)) - sum(PASSED_OVER in trial.user_attrs for trial in trials)


def replacement_of(trial: FrozenTrial, number: int) -> FrozenTrial:
    """The same trial to be asked again under another number; it has the folds that have scores."""
    from optuna.trial import TrialState, create_trial

    attributes = {key: trial.user_attrs[key] for key in (CONFIGURATION, "baseline") if key in trial.user_attrs}
    for result in folds_of(trial).values():
        if result.score is not None:
            attributes |= attributes_of(replace(result, trial=number))
    return create_trial(
        state=TrialState.RUNNING, params=trial.params, distributions=trial.distributions,
        user_attrs={**attributes, REPLACES: trial.number}, system_attrs=trial.system_attrs,
    )  # fmt: skip
