"""A study's identity outlives its schema: new keys at their defaults change nothing, and what differs is named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from study.config.options import TPE
from study.config.schema import MethodConfig, StudyConfig, TaskConfig, TrainConfig
from study.search.identity import defaults_of, differences, fingerprint, first_fingerprint, values_of
from study.search.upgrade import first_sampler, upgrade

FACTS = {"folds": "f", "data": "d"}


@dataclass(frozen=True)
class WiderTask(TaskConfig):
    invented: str = "as before"


@dataclass(frozen=True)
class WiderTrain(TrainConfig):
    invented: float = 0.5


@dataclass(frozen=True)
class WiderMethod(MethodConfig):
    invented: int = 3


WIDER: dict[str, Any] = {
    "task": WiderTask(), "train": WiderTrain(), "method": WiderMethod(),
}  # fmt: skip


def mark(config: StudyConfig, **searched: Any) -> str:
    return fingerprint(values_of(config, searched, FACTS), defaults_of(config))


def test_the_mark_of_a_default_study_stays_what_it_is() -> None:
    assert mark(StudyConfig()) == "1faf890a3d15fa18"


@pytest.mark.parametrize("group", WIDER)
def test_a_new_key_at_its_default_makes_no_study_another(group: str) -> None:
    wider = replace(StudyConfig(), **{group: WIDER[group]})
    assert mark(wider) == mark(StudyConfig())
    stored, present = values_of(StudyConfig(), {}, FACTS), values_of(wider, {}, FACTS)
    assert differences(stored, present, defaults_of(wider)) == {}
    assert first_fingerprint(wider, FACTS, {}) == first_fingerprint(StudyConfig(), FACTS, {})


@pytest.mark.parametrize("group", ["task", "train"])
def test_a_new_key_that_is_given_makes_another_study_and_is_named(group: str) -> None:
    given = replace(StudyConfig(), **{group: replace(WIDER[group], invented=7)})
    stored, present = values_of(StudyConfig(), {}, FACTS), values_of(given, {}, FACTS)
    assert mark(given) != mark(StudyConfig())
    assert differences(stored, present, defaults_of(given)) == {f"{group}.invented": (WIDER[group].invented, 7)}
    assert first_fingerprint(given, FACTS, {}) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MethodConfig(kind="full"), MethodConfig(kind="full", rank=3, targets="ffn", lam=2.0)),
        (MethodConfig(kind="lora"), MethodConfig(kind="lora", residual="drop")),
        (MethodConfig(kind="factorized"), MethodConfig(kind="factorized", alpha=1.0)),
    ],
)
def test_what_a_method_does_not_read_is_no_part_of_it(one: MethodConfig, other: MethodConfig) -> None:
    assert mark(replace(StudyConfig(), method=one)) == mark(replace(StudyConfig(), method=other))


def test_where_methods_are_searched_what_any_of_them_reads_counts() -> None:
    searched = {"method.kind": ["lora", "factorized"]}
    config = StudyConfig()
    assert mark(replace(config, method=MethodConfig(residual="drop")), **searched) != mark(config, **searched)


def test_a_default_that_changes_later_is_seen() -> None:
    stored = values_of(StudyConfig(), {}, FACTS)
    present = values_of(replace(StudyConfig(), train=TrainConfig(epochs=3)), {}, FACTS)
    assert differences(stored, present, {"train.epochs": 3}) == {"train.epochs": (2, 3)}


@pytest.mark.parametrize(
    ("sampler", "named"),
    [
        (dict(TPE), {"name": "tpe", "startup": 10}),
        ({**TPE, "n_startup_trials": 4}, {"name": "tpe", "startup": 4}),
        ({"_target_": "optuna.samplers.RandomSampler"}, {"name": "random", "startup": 10}),
        ({"_target_": "study.search.samplers.grid"}, {"name": "grid", "startup": 10}),
        ({"_target_": "optuna.samplers.NSGAIISampler", "population_size": 6}, {"name": "nsga2", "startup": 6}),
        ({"_target_": "optuna.samplers.GPSampler", "n_startup_trials": 3}, {"name": "gp", "startup": 3}),
    ],
)
def test_samplers_of_the_first_schema_are_known_again(sampler: dict[str, Any], named: dict[str, Any]) -> None:
    assert first_sampler(sampler) == named
    assert upgrade({"sampler": named})["sampler"] == sampler
    assert upgrade({"sampler": sampler})["sampler"] == sampler


@pytest.mark.parametrize("more", [{"gamma": "x"}, {"multivariate": False}, {"_target_": "optuna.samplers.QMCSampler"}])
def test_a_sampler_that_the_first_schema_could_not_name_has_no_mark_there(more: dict[str, Any]) -> None:
    given = replace(StudyConfig(), sampler={**TPE, **more})
    assert first_sampler(given.sampler) is None
    assert first_fingerprint(given, FACTS, {}) is None
    assert mark(given) != mark(StudyConfig())


def test_what_only_observes_a_training_is_no_part_of_the_study_not_even_of_one_of_the_first_schema() -> None:
    watched = replace(StudyConfig(), train=TrainConfig(curves=True))
    assert values_of(watched, {}, FACTS) == values_of(StudyConfig(), {}, FACTS)
    assert mark(watched) == mark(StudyConfig())
    assert first_fingerprint(watched, FACTS, {}) == first_fingerprint(StudyConfig(), FACTS, {}) is not None
