"""Whether a stored study may go on under the plan at hand; what has changed between the two, in words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from study.config.schema import StudyConfig
from study.config.values import revive
from study.core import stores
from study.core.errors import ResumeError
from study.data.examples import Summarized
from study.engine.changes import VERSION, Change, change_since
from study.search import decisions
from study.search.identity import (
    DATA,
    FILES,
    FOLDS,
    ORDER,
    Values,
    defaults_of,
    differences,
    fingerprint,
    first_fingerprint,
    values_of,
)
from study.search.plan import Plan
from study.search.storage import FINGERPRINT, KEY, existing, study_in
from study.search.stored import CONFIG, configuration_of
from study.search.upgrade import upgrade
from study.text.rouge import ENGLISH

if TYPE_CHECKING:
    from optuna import Study
    from optuna.study._frozen import FrozenStudy
    from optuna.trial import FrozenTrial

VALUES = "lora_study.values"  # what the fingerprint is made of: study/search/identity.py

TRAININGS = "lora_study.trainings"  # the version of what a training comes to: study/engine/changes.py
ANEW = "choose another study.name to start anew"
FORMER = f"bring the former files back, or {ANEW}"
REPEAT = f"repeat the first command to go on with it, or {ANEW}"
MOST = 40  # characters of a value that are quoted


def refuse_changed(plan: Plan) -> None:
    """Raise ResumeError where the stored study, if there is one, cannot go on under the plan; nothing is written."""
    config = plan.config
    if not stores.check(KEY, config.storage.url, stores.OPTUNA):
        return
    kept = existing(config.storage.url)
    study = study_in(kept, config.study.name)
    if study is not None and FINGERPRINT in study.user_attrs:
        check_values(study, plan)
        trials = kept.get_all_trials(study._study_id, deepcopy=False)
        check_change(change_of(study.user_attrs.get(TRAININGS, 0), trials, plan), plan)


def check_values(study: Study | FrozenStudy, plan: Plan) -> None:
    """Raise ResumeError where the values that the study depends on are not the plan's."""
    known, defaults = study.user_attrs, defaults_of(plan.config)
    present = _as_written(plan)
    if VALUES in known:
        stored = json.loads(known[VALUES])
        stored |= {key: value for key, value in decisions.among(known).items() if key in stored}
        if changed := differences(stored, present, defaults):
            raise _other(plan, changed)
        return
    marks = (plan.fingerprint, fingerprint(present, defaults), first_fingerprint(plan.config, plan.facts, plan.weights))
    if known[FINGERPRINT] not in marks:
        _check_words(study, plan)
        raise _other(plan, _first_differences(study, plan))


def _as_written(plan: Plan) -> Values:
    """The plan's values with what a machine decided as if it had been written, as earlier versions kept it."""
    return {key: plan.decided.get(key, value) for key, value in plan.values.items()}


def _other(plan: Plan, changed: dict[str, tuple[Any, Any]]) -> ResumeError:
    rule, remedy = explain(changed, plan.values)
    return ResumeError(f"study.name={plan.config.study.name}", f"{rule}: trials of the two cannot be compared", remedy)


def _first_differences(study: Study | FrozenStudy, plan: Plan) -> dict[str, tuple[Any, Any]]:
    """What differs from a study of the first schema, as far as its last configuration says."""
    raw = study.user_attrs.get(CONFIG)
    if raw is None:
        return {}
    stored = values_of(revive(StudyConfig, upgrade(json.loads(raw))), plan.space.extremes(), plan.facts)
    return differences(stored, _as_written(plan), defaults_of(plan.config))


def _check_words(study: Study | FrozenStudy, plan: Plan) -> None:
    """Raise ResumeError where an earlier version has scored in fragments what is now scored in whole words."""
    stored = json.loads(study.user_attrs.get(CONFIG, "{}")).get("task", {})
    if "rouge" not in stored and isinstance(plan.examples, Summarized) and plan.examples.words != ENGLISH:
        raise ResumeError(
            f"study.name={plan.config.study.name}",
            "was begun by an earlier version, which scored words of a to z alone, and its summaries have others",
            "add task.rouge=english to go on with it as it was scored, or choose another study.name",
        )


def change_of(version: int, trials: Iterable[FrozenTrial], plan: Plan) -> Change | None:
    """What has changed since trainings of that version, as far as it concerns the trials or what may be asked."""
    if version == VERSION:
        return None
    departures = [plan.config.configuration.with_values(v) for v in plan.space.singly()]
    stored = [configuration_of(t) for t in trials]
    trained = ((c, plan.adaptation_or_none(c)) for c in (*stored, *departures))
    return change_since(version, trained) if stored else None


def check_change(change: Change | None, plan: Plan) -> None:
    """Raise ResumeError where trials of the study would now come out otherwise, so that none can be added."""
    if change is not None:
        raise ResumeError(
            f"study.name={plan.config.study.name}",
            f"was trained by an earlier version: trainings now {change.what}, so that new trials could not be "
            "compared with those that are there",
            "choose another study.name to train it anew; lora-report and lora-export still read this one",
        )


def explain(changed: dict[str, tuple[Any, Any]], present: Values) -> tuple[str, str]:
    """The rule of an error about these keys, with their values before and now, and its remedy.

    Of what follows from another, such as folds from data, the cause alone is named. Where no key has changed, it was
    what an earlier version did not keep: data or files.
    """
    files = [f"other model files in {k.removeprefix(FILES)}, which have changed since" for k in changed if FILES in k]
    keys = [_key(key, *values) for key, values in changed.items() if key not in (DATA, FOLDS) and FILES not in key]
    if keys or files:
        return f"was run with {' and '.join([*keys, *files])}", FORMER if files and not keys else REPEAT
    if DATA in changed:
        source = present.get("task.path") or f"task={present['task.name']}"
        return f"was run on other data: the examples of {source} have changed since", FORMER
    if FOLDS in changed:
        return "was run with other folds (study.folds)", REPEAT
    return "was run on other data, or on other files of its model", FORMER


def _key(key: str, stored: Any, present: Any) -> str:
    if key == ORDER:
        return "the keys of method.rank in another order"
    return f"another {key} ({_short(stored)} before, {_short(present)} now)"


def _short(value: Any) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}..."
