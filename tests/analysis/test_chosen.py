"""What a configuration is, and the command that trains it once more: composed, it is that very configuration."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pandas as pd
import pytest

from analysis.chosen import chosen_values, export_command, repeat_command
from analysis.runs import StudyRuns, changes_of, fold_frame, trial_frame
from analysis.settings import merge_parameters
from analysis.study_info import StudyInfo
from study.config.compose import compose
from study.config.overrides import rewrite
from study.config.schema import StudyConfig
from study.config.values import flatten
from study.record.parameters import searched_keys, study_parameters, trial_parameters

SWEEP = ["-m", "study.name=it's", "task.limit=200", "study.trials=40", "space=tradeoff", "train.lr=1e-3,3e-3",
         "sampler=random", "pruner=racing", "study.folds=4"]  # fmt: skip


def recorded(typed: list[str], values: dict[str, object]) -> tuple[StudyRuns, StudyConfig]:
    """The runs of a study of which the command was typed, with one trial of these values, and its configuration."""
    config = compose(rewrite([word for word in typed if word != "-m"]))
    trial = config.configuration.with_values(values)
    params = study_parameters(config)
    info = StudyInfo("1", "FINISHED", pd.Timestamp(0, tz="UTC"), params, {"command": shlex.join(typed)})
    kept = trial_parameters(trial, searched_keys(config), params)
    changes = changes_of(merge_parameters(params, kept, info.sweeps), params)
    frame = trial_frame([{"number": 7, "label": "it", "state": "complete", "score": 0.5}])
    return StudyRuns(config.study.name, info, frame, fold_frame(frame), {}, changes={7: changes}), replace(
        config, method=trial.method, model=trial.model, train=trial.train
    )


@pytest.mark.parametrize(
    ("typed", "values"),
    [
        (SWEEP, {"method.rank": 16, "method.lam": 228.83099930932275, "method.layers": "top-1", "train.lr": 0.003}),
        (SWEEP, {"method.kind": "full", "train.lr": 0.0001, "method.lam": None}),
        (["method.rank=attention:4,ffn:2", "method.targets=query,^.*(key|x)$"], {"method.targets": "^.*(key|x)$"}),
        (["experiment=rank"], {"method.rank": 4}),
        (["method.rank.attention=1,2", "method.rank.ffn=4,8"], {"method.rank": "attention:2,ffn:8"}),
    ],
    ids=["sweep", "baseline", "pattern", "experiment", "ranks"],
)
def test_the_command_composes_to_the_one_configuration_and_searches_nothing(typed, values):
    runs, config = recorded(typed, values)
    program, *overrides = shlex.split(repeat_command(runs, 7))
    assert program == "lora-study"
    again = compose(rewrite(overrides))
    assert again.configuration == config.configuration
    assert (again.space, again.study.trials, again.search.baselines) == ({}, 1, [])
    assert again.study.name == f"{config.study.name}-trial-7"
    same = ("task.limit", "study.folds", "study.seed", "objectives")
    assert {key: flatten(again)[key] for key in same} == {key: flatten(config)[key] for key in same}


def test_a_configuration_is_told_by_every_key_that_matters_the_searched_ones_first():
    runs, _ = recorded(SWEEP, {"method.rank": 16, "method.lam": 228.83099930932275, "train.lr": 0.003})
    shown = chosen_values(runs, 7)
    assert shown[:3] == (("method", "lora"), ("rank", "16"), ("λ", "229"))
    assert dict(shown)["learning rate"] == "0.003"
    assert (dict(shown)["model"], dict(shown)["epochs"], dict(shown)["batch size"]) == ("minilm", "2", "16")
    bare, _ = recorded(SWEEP, {"method.kind": "head"})
    assert not {"rank", "λ", "targets", "layers"} & dict(chosen_values(bare, 7)).keys()


def test_without_a_command_that_can_be_read_there_is_none_and_the_export_is_said_for_a_shell():
    runs, _ = recorded(SWEEP, {})
    for command in ("", "task.path=it's"):
        info = replace(runs.info, tags={"command": command})
        assert repeat_command(replace(runs, info=info), 7) == ""
    assert shlex.split(export_command(runs, 7)) == ["lora-export", "study=it's", "trial=7", "format=all"]


def test_the_export_names_the_studys_own_store_where_it_is_not_the_usual_one():
    runs, _ = recorded(SWEEP, {})
    for place, said in {
        "sqlite:///lora-study.db": [],
        "sqlite:///other.db": ["storage.url=sqlite:///other.db"],
    }.items():
        there = replace(runs, info=replace(runs.info, params={**runs.info.params, "storage.url": place}))
        assert shlex.split(export_command(there, "best"))[4:] == said
