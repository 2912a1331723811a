"""What no configuration may say, whatever the model and the data: each rule stands beside its key."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from study.config import bounds, ranks
from study.config.schema import (
    BASELINES,
    KINDS,
    LABEL_TYPES,
    LAYERS,
    MOST_REPEATS,
    POOLINGS,
    PRECISIONS,
    RARE,
    ROUGE_WORDS,
    SCALINGS,
    SCHEDULES,
    STOPS,
    Configuration,
    StudyConfig,
    TaskConfig,
)
from study.config.targets import GROUPS
from study.config.values import flatten
from study.core.durations import is_time
from study.core.errors import ConfigError
from study.core.figures import OBJECTIVES, SCORES, is_confidence, is_tolerance
from study.core.names import check_name


@dataclass(frozen=True)
class Rule:
    """`accepts` says whether a value may stand; `rule` and `remedy` are what is said where it may not."""

    accepts: Callable[[Any], bool]
    rule: str
    remedy: str

    def or_null(self) -> Rule:
        """The same rule for a key that may be null."""
        return replace(self, accepts=lambda value: value is None or self.accepts(value))


MOST = 2**53  # of whole numbers


def at_least(low: float, rule: str, remedy: str) -> Rule:
    """A number that may be `low` or more."""
    return Rule(lambda value: value >= low, rule, remedy)


def above_zero(rule: str, remedy: str) -> Rule:
    """A number that must be positive."""
    return Rule(lambda value: value > 0, rule, remedy)


def share(rule: str) -> Rule:
    """A number from 0 up to, not including, 1."""
    return Rule(lambda value: 0 <= value < 1, rule, "write a number from 0 up to, not including, 1")


def one_of(choices: Sequence[str], remedy: str = "choose one of these") -> Rule:
    """A word of these."""
    return Rule(lambda value: value in choices, f"is not one of {', '.join(choices)}", remedy)


def not_empty(remedy: str) -> Rule:
    """Text or a list that may not be empty."""
    return Rule(bool, "is empty", remedy)


CONFIGURATION: Mapping[str, Rule] = {
    "method.alpha": above_zero("α scales the update and must be positive", "write for example method.alpha=16"),
    "method.lam": above_zero(
        "λ weighs the task loss and must be positive", "write a λ above 0, or null for the task loss alone"
    ).or_null(),
    "method.scaling": one_of(SCALINGS),
    "method.residual": Rule(
        ("keep", "drop").__contains__, "is neither keep nor drop", "write keep (exact start) or drop (compression)"
    ),
    "method.targets": not_empty(f"choose one of {', '.join(GROUPS)}, a module name or a regular expression"),
    "method.layers": not_empty(f"choose one of {', '.join(LAYERS)} or top-N"),
    "train.epochs": at_least(1, "a fold trains for at least one epoch", "write train.epochs=1 or more"),
    "train.lr": above_zero("a learning rate is positive", "write for example train.lr=1e-3"),
    "train.batch_size": at_least(1, "a batch holds at least one example", "write for example train.batch_size=16"),
    "train.weight_decay": at_least(0, "is negative", "write 0 or more"),
    "train.warmup": share("is a fraction of the steps"),
    "train.clip": above_zero("a gradient norm bound is positive", "write for example train.clip=1.0"),
    "train.dropout": share("is the share of an adapter's inputs that is dropped"),
    "model.precision": one_of(PRECISIONS, "choose one of these, or auto outside a space"),
    "model.max_length": at_least(4, "leaves no room for a text", "write 4 tokens or more"),
    "model.pooling": one_of(POOLINGS),
}
STUDY: Mapping[str, Rule] = {
    "study.trials": at_least(1, "a study has at least one trial", "write study.trials=1 or more"),
    "study.folds": at_least(2, "cross-validation needs at least two folds", "write study.folds=2 or more"),
    "study.seed": Rule(
        lambda value: 0 <= value < 2**32,
        "a seed is a whole number from 0 to 2^32 - 1",
        "write for example study.seed=0",
    ),
    "study.repeats": Rule(
        lambda value: value == "auto" or (value.isdecimal() and 1 <= int(value) <= MOST_REPEATS),
        f"is neither auto nor a number of cross-validations from 1 to {MOST_REPEATS}",
        "write study.repeats=auto or for example study.repeats=3",
    ),
    "study.tries": at_least(1, "a fold is tried at least once", "write study.tries=1 or more"),
    "study.retry": one_of(("failed",), "write study.retry=failed, or null").or_null(),
    "study.until": Rule(
        is_time, "is neither a time from now nor one of a clock", "write for example 2h, 90m, 17:30 or 2030-01-31T17:30"
    ).or_null(),
    "task.limit": at_least(4, "is too few examples to fold", "write a larger number, or null for all").or_null(),
    "task.test_fraction": share("is a fraction of the examples"),
    "task.metric": one_of(SCORES, "choose one of these, or null for the task's own").or_null(),
    "task.kind": one_of(KINDS).or_null(),
    "task.label_type": one_of(LABEL_TYPES).or_null(),
    "task.rare": one_of(RARE).or_null(),
    "task.rouge": one_of(ROUGE_WORDS).or_null(),
    "task.budget": at_least(
        1, "a summary has at least one word", "write the words that a summary may have, such as task.budget=50"
    ).or_null(),
    "task.longest": at_least(
        1, "a summary has at least one token", "write the tokens that a model may write, such as task.longest=64"
    ).or_null(),
    "search.round": at_least(1, "a round has at least one trial", "write search.round=1 or more"),
    "search.schedule": one_of(SCHEDULES, "write rounds, or rolling or async where a large cluster would wait"),
    "search.stop": one_of(STOPS, "write search.stop=settled, or null for the whole of study.trials").or_null(),
    "engine.pack": Rule(
        lambda value: value == "auto" or (value.isdecimal() and int(value) >= 1),
        "is neither auto nor a number of members",
        "write engine.pack=auto or for example engine.pack=8",
    ),
    "engine.tokens": at_least(1, "a forward pass holds at least one token", "write for example engine.tokens=4096"),
    "engine.cache_gb": at_least(0, "is negative", "write the gigabytes that the cache may hold, 0 for none"),
    "report.tolerance": Rule(
        is_tolerance, "is negative", "write how much score you would give up for a cheaper model, such as 0.01, or null"
    ).or_null(),
    "report.confidence": Rule(
        is_confidence,
        "is a probability of at least one half and less than 1",
        "write for example report.confidence=0.9",
    ),
    "objectives": not_empty("write for example objectives=[score,params/trainable]"),
}


def validate_configuration(configuration: Configuration) -> None:
    """Raise ConfigError where a value is impossible for any model."""
    values = flatten(configuration)
    _check_finite(values)
    ranks.check(configuration.method.rank)
    _check(values, CONFIGURATION)


def validate(config: StudyConfig) -> None:
    """Raise ConfigError where the study cannot run, whatever the model and the data."""
    _check_lists(config)
    values = flatten(config)
    _check_finite(values)
    auto = config.model.precision == "auto"  # decided before the study is planned
    validate_configuration(config.configuration.with_values({"model.precision": "float32"} if auto else {}))
    check_name("study.name", config.study.name)
    _check(values, STUDY)
    _check_test(config.task)
    _check_baselines(config.search.baselines)
    limits(config.constraints)


def _check(values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Raise ConfigError for the first value that its key's rule does not accept."""
    for key, rule in rules.items():
        if not rule.accepts(values[key]):
            raise ConfigError(f"{key}={values[key]}", rule.rule, rule.remedy)


def _check_lists(config: StudyConfig) -> None:
    """Raise ConfigError where a list is none, as what ${...} names may be, or holds another list or a mapping."""
    for key in (key for key, usual in flatten(StudyConfig()).items() if isinstance(usual, list)):
        value = reduce(getattr, key.split("."), config)
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{key}={value}", "is no list", f"write {key}=[...]")
        others = [item for item in value if not isinstance(item, str)]
        if others:
            raise ConfigError(f"{key}={value}", f"holds {others[0]}, which is no text", f"write {key}=[one,another]")


def _check_finite(values: Mapping[str, Any]) -> None:
    """Raise ConfigError for a number that is none, or a whole one that arrays and libraries could not count to."""
    for key, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{key}={value}", "is no finite number", f"write a number that is, or leave {key} away")
        if isinstance(value, int) and abs(value) > MOST:
            rule = "is beyond 2^53, up to which computers count everywhere alike"
            raise ConfigError(f"{key}={value}", rule, f"write a smaller number, or leave {key} away")


def limits(constraints: Sequence[str]) -> tuple[bounds.Bound, ...]:
    """The bounds that `constraints` name; ConfigError where one is none, or its figure is not known of a trial."""
    return tuple(bound for text in constraints for bound in bounds.parse("constraints", text, OBJECTIVES, bounds.SHORT))


def _check_test(task: TaskConfig) -> None:
    """Raise ConfigError where a test set is named and a share of the rows is asked for beside it."""
    named = next((key for key in ("test_path", "test_split") if getattr(task, key)), None)
    if named and task.test_fraction != TaskConfig.test_fraction:
        rule = f"is not used where task.{named} names the test set"
        remedy = f"leave task.test_fraction out, or task.{named}"
        raise ConfigError(f"task.test_fraction={task.test_fraction}", rule, remedy)


def _check_baselines(named: Sequence[str]) -> None:
    unknown = [name for name in named if name not in BASELINES]
    if unknown:
        rule = f"holds {', '.join(unknown)}, which is no baseline"
        raise ConfigError(
            f"search.baselines={named}", rule, f"choose among {', '.join(BASELINES)}, or write [] for none"
        )
