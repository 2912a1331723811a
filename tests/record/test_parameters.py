"""Parameters of runs: only what applies, on trials only what is searched or differs, and nothing of it is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analysis.settings import merge_parameters, recorded_setting
from study.config.schema import Configuration, MethodConfig, StudyConfig, TrainConfig
from study.config.values import flatten
from study.record.parameters import searched_keys, study_parameters, trial_parameters

SPACE = {"method.kind": "choice(lora,factorized,head)", "method.rank": "choice(2,8)", "train.lr": None}
STUDY = replace(StudyConfig(), space=SPACE)


def recorded(configuration: Configuration, study: StudyConfig = STUDY) -> dict[str, str]:
    return trial_parameters(configuration, searched_keys(study), study_parameters(study))


def test_a_study_has_the_keys_that_one_of_its_methods_reads() -> None:
    head = study_parameters(replace(StudyConfig(), method=MethodConfig("head")))
    assert [key for key in head if key.startswith("method.")] == ["method.kind"]
    assert "method.residual" not in study_parameters(StudyConfig())  # LoRA has none
    assert study_parameters(STUDY)["method.residual"] == "keep"  # factorized, which is searched, has one


def test_a_trial_has_what_is_searched_and_what_differs_from_its_study() -> None:
    assert recorded(Configuration()) == {"method.kind": "lora", "method.rank": "8"}
    assert recorded(Configuration(train=TrainConfig(lr=0.1))) == {
        "method.kind": "lora", "method.rank": "8", "train.lr": "0.1",
    }  # fmt: skip


@pytest.mark.parametrize("baselines", [(), ("head",)])
def test_trials_say_their_method_where_baselines_have_another(baselines: tuple[str, ...]) -> None:
    """So that tables, filters and comparisons on MLflow's pages have it of each."""
    study = replace(StudyConfig(), search=replace(StudyConfig().search, baselines=baselines))
    assert ("method.kind" in recorded(Configuration(), study)) == bool(baselines)


def test_a_head_has_no_rank() -> None:
    head = Configuration(method=MethodConfig("head", rank=2))
    assert recorded(head) == {"method.kind": "head"}
    read = merge_parameters(study_parameters(STUDY), recorded(head), SPACE)
    assert recorded_setting(read, "method.rank") is None


def test_a_key_that_the_studys_methods_do_not_read_is_the_trials() -> None:
    """As the scale of the baseline LoRA beside factors."""
    study = replace(StudyConfig(), method=MethodConfig("factorized"))
    assert recorded(Configuration(), study)["method.alpha"] == "16.0"


def test_ranks_by_target_are_one_parameter_and_read_back_one_by_one() -> None:
    space = {"method.rank.attention": "choice(2,4)", "method.rank.ffn": "choice(0,2)"}
    study = replace(StudyConfig(), space=space, method=MethodConfig(rank="attention:2,ffn:0"))
    trial = recorded(Configuration(method=MethodConfig(rank="attention:2,ffn:0")), study)
    assert trial == {"method.kind": "lora", "method.rank": "attention:2,ffn:0"}
    read = merge_parameters(study_parameters(study), trial, space)
    assert [recorded_setting(read, key) for key in space] == ["2", "0"]


@pytest.mark.parametrize("kind", ["lora", "factorized", "pissa", "dora", "lora_fa"])
def test_a_trials_own_over_its_studys_are_all_that_its_method_reads(kind: str) -> None:
    from study import methods

    configuration = Configuration(method=MethodConfig(kind, rank=2, lam=0.5), train=TrainConfig(lr=0.1))
    read = merge_parameters(study_parameters(STUDY), recorded(configuration), SPACE)
    applies = {"kind", *methods.get(kind).reads}
    expected = {k: str(v) for k, v in flatten(configuration).items() if not k.startswith("method.")}
    expected |= {k: str(v) for k, v in flatten(configuration).items() if k.removeprefix("method.") in applies}
    assert {key: read[key] for key in expected} == expected


def test_a_trial_of_an_earlier_version_has_all_of_its_own() -> None:
    earlier = {"task.name": "sentiment", "method.kind": "head", "method.rank": "2", "method.lambda": "10.0"}
    assert merge_parameters(study_parameters(STUDY), earlier, SPACE) == earlier
    assert recorded_setting({**earlier, "method.kind": "lora"}, "method.lam") == "10.0"
