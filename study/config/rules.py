"""What no configuration may say, whatever the model and the data: found before anything is loaded."""

from __future__ import annotations

import math
from typing import Any

from study.config import ranks
from study.config.schema import (
    BASELINES,
    KINDS,
    LABEL_TYPES,
    LAYERS,
    POOLINGS,
    PRECISIONS,
    RARE,
    ROUGE_WORDS,
    SCALINGS,
    Configuration,
    StudyConfig,
    TaskConfig,
    flatten,
)
from study.config.targets import GROUPS
from study.core.errors import ConfigError
from study.core.figures import SCORES
from study.core.names import check_name


def _require(ok: bool, key: str, value: object, rule: str, remedy: str) -> None:
    if not ok:
        raise ConfigError(f"{key}={value}", rule, remedy)


def _require_finite(config: Any) -> None:
    for key, value in flatten(config).items():
        finite = not isinstance(value, float) or math.isfinite(value)
        _require(finite, key, value, "is no finite number", f"write a number that is, or leave {key} away")


def validate_configuration(c: Configuration) -> None:
    """Raise ConfigError where a value is impossible for any model."""
    m, t = c.method, c.train
    _require_finite(c)
    ranks.check(m.rank)
    _require(
        m.alpha > 0,
        "method.alpha",
        m.alpha,
        "α scales the update and must be positive",
        "write for example method.alpha=16",
    )
    _require(
        m.lam is None or m.lam > 0,
        "method.lam",
        m.lam,
        "λ weighs the task loss and must be positive",
        "write a λ above 0, or null for the task loss alone",
    )
    _require(
        m.scaling in SCALINGS,
        "method.scaling",
        m.scaling,
        f"is not one of {', '.join(SCALINGS)}",
        "choose one of these",
    )
    _require(
        m.residual in ("keep", "drop"),
        "method.residual",
        m.residual,
        "is neither keep nor drop",
        "write keep (exact start) or drop (compression)",
    )
    _require(
        bool(m.targets),
        "method.targets",
        m.targets,
        "is empty",
        f"choose one of {', '.join(GROUPS)}, a module name or a regular expression",
    )
    _require(bool(m.layers), "method.layers", m.layers, "is empty", f"choose one of {', '.join(LAYERS)} or top-N")
    _require(
        t.epochs >= 1, "train.epochs", t.epochs, "a fold trains for at least one epoch", "write train.epochs=1 or more"
    )
    _require(t.lr > 0, "train.lr", t.lr, "a learning rate is positive", "write for example train.lr=1e-3")
    _require(
        t.batch_size >= 1,
        "train.batch_size",
        t.batch_size,
        "a batch holds at least one example",
        "write for example train.batch_size=16",
    )
    _require(t.weight_decay >= 0, "train.weight_decay", t.weight_decay, "is negative", "write 0 or more")
    _require(
        0 <= t.warmup < 1,
        "train.warmup",
        t.warmup,
        "is a fraction of the steps",
        "write a number from 0 up to, not including, 1",
    )
    _require(t.clip > 0, "train.clip", t.clip, "a gradient norm bound is positive", "write for example train.clip=1.0")
    _require(
        0 <= t.dropout < 1,
        "train.dropout",
        t.dropout,
        "is the share of an adapter's inputs that is dropped",
        "write a number from 0 up to, not including, 1",
    )
    _require(
        c.model.precision in PRECISIONS,
        "model.precision",
        c.model.precision,
        f"is not one of {', '.join(PRECISIONS)}",
        "choose one of these, or auto outside a space",
    )
    _require(
        c.model.max_length >= 4,
        "model.max_length",
        c.model.max_length,
        "leaves no room for a text",
        "write 4 tokens or more",
    )
    _require(
        c.model.pooling in POOLINGS,
        "model.pooling",
        c.model.pooling,
        f"is not one of {', '.join(POOLINGS)}",
        "choose one of these",
    )


def validate_task(t: TaskConfig) -> None:
    """Raise ConfigError where no task can have such a value."""
    _require(
        t.limit is None or t.limit >= 4,
        "task.limit",
        t.limit,
        "is too few examples to fold",
        "write a larger number, or null for all",
    )
    _require(
        0 <= t.test_fraction < 1,
        "task.test_fraction",
        t.test_fraction,
        "is a fraction of the examples",
        "write a number from 0 up to, not including, 1",
    )
    _require(
        t.metric is None or t.metric in SCORES,
        "task.metric",
        t.metric,
        f"is not one of {', '.join(SCORES)}",
        "choose one of these, or null for the task's own",
    )
    _require(
        t.kind is None or t.kind in KINDS,
        "task.kind",
        t.kind,
        f"is not one of {', '.join(KINDS)}",
        "choose one of these",
    )
    _require(
        t.label_type is None or t.label_type in LABEL_TYPES,
        "task.label_type",
        t.label_type,
        f"is not one of {', '.join(LABEL_TYPES)}",
        "choose one of these",
    )
    _require(
        t.rare is None or t.rare in RARE, "task.rare", t.rare, f"is not one of {', '.join(RARE)}", "choose one of these"
    )
    named = next((key for key in ("test_path", "test_split") if getattr(t, key)), None)
    _require(
        named is None or t.test_fraction == TaskConfig.test_fraction,
        "task.test_fraction",
        t.test_fraction,
        f"is not used where task.{named} names the test set",
        f"leave task.test_fraction out, or task.{named}",
    )
    _require(
        t.rouge is None or t.rouge in ROUGE_WORDS,
        "task.rouge",
        t.rouge,
        f"is not one of {', '.join(ROUGE_WORDS)}",
        "choose one of these",
    )
    _require(
        t.budget is None or t.budget >= 1,
        "task.budget",
        t.budget,
        "a summary has at least one word",
        "write the words that a summary may have, such as task.budget=50",
    )
    _require(
        t.longest is None or t.longest >= 1,
        "task.longest",
        t.longest,
        "a summary has at least one token",
        "write the tokens that a model may write, such as task.longest=64",
    )


def validate(config: StudyConfig) -> None:
    """Raise ConfigError where the study cannot run, whatever the model and the data."""
    s, t = config.study, config.task
    _require_finite(config)
    auto = config.model.precision == "auto"  # settled before the study is planned
    validate_configuration(config.configuration.with_values({"model.precision": "float32"} if auto else {}))
    check_name("study.name", s.name)
    _require(s.trials >= 1, "study.trials", s.trials, "a study has at least one trial", "write study.trials=1 or more")
    _require(
        s.folds >= 2, "study.folds", s.folds, "cross-validation needs at least two folds", "write study.folds=2 or more"
    )
    _require(
        0 <= s.seed < 2**32,
        "study.seed",
        s.seed,
        "a seed is a whole number from 0 to 2^32 - 1",
        "write for example study.seed=0",
    )
    validate_task(t)
    _require(
        config.search.round >= 1,
        "search.round",
        config.search.round,
        "a round has at least one trial",
        "write search.round=1 or more",
    )
    unknown = [name for name in config.search.baselines if name not in BASELINES]
    _require(
        not unknown,
        "search.baselines",
        config.search.baselines,
        f"holds {', '.join(unknown)}, which is no baseline",
        f"choose among {', '.join(BASELINES)}, or write [] for none",
    )
    e = config.engine
    _require(
        e.pack == "auto" or (e.pack.isdecimal() and int(e.pack) >= 1),
        "engine.pack",
        e.pack,
        "is neither auto nor a number of members",
        "write engine.pack=auto or for example engine.pack=8",
    )
    _require(
        e.tokens >= 1,
        "engine.tokens",
        e.tokens,
        "a forward pass holds at least one token",
        "write for example engine.tokens=4096",
    )
    _require(
        e.cache_gb >= 0,
        "engine.cache_gb",
        e.cache_gb,
        "is negative",
        "write the gigabytes that the cache may hold, 0 for none",
    )
    _require(
        bool(config.objectives),
        "objectives",
        config.objectives,
        "is empty",
        "write for example objectives=[score,params/trainable]",
    )
