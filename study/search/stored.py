"""What a store holds of a study, read back: its configuration, its trials and their folds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from study import tasks
from study.config.members import TrialResult
from study.config.schema import Configuration, StudyConfig
from study.config.values import revive
from study.core.errors import ConfigError
from study.core.records import FoldResult, finite
from study.search.storage import existing, refuse_foreign
from study.search.upgrade import upgrade
from study.text.rouge import ENGLISH

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# Names of attributes, of trials and of the study itself; stores of every version have them.
CONFIGURATION, FOLD = "configuration", "fold:"
CONFIG, EXPORT = "lora_study.config", "export:"


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
    return study, _revive(json.loads(study.user_attrs[CONFIG]))


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


def configuration_of(trial: FrozenTrial) -> Configuration:
    """What the trial trains; a key that its version did not have is at its default."""
    return revive(Configuration, json.loads(trial.user_attrs[CONFIGURATION]))


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
