"""What ROUGE calls a word is part of what a study is: stored ones go on as they were scored, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tables import articles, cyrillic, write_jsonl
from tiny import documents, save_model, save_writer

from study import tasks
from study.config.schema import ModelConfig, StorageConfig, StudyConfig, TaskConfig
from study.config.space import parse_space
from study.config.values import plain
from study.core.errors import ResumeError
from study.core.records import Fold
from study.data.examples import Pairs
from study.search.ledger import Ledger
from study.search.plan import Plan
from study.search.stored import CONFIG, find
from study.text.rouge import ENGLISH, UNICODE

Planned = Callable[..., Plan]
KINDS = {"summarization": save_model, "summarization_generate": lambda folder: save_writer(folder, "gpt2")}


@pytest.fixture(params=KINDS)
def planned(request: pytest.FixtureRequest, tmp_path: Path) -> Planned:
    """Plans of a table in English, or else in Cyrillic, by the words that `task.rouge` names."""

    model = ModelConfig(str(KINDS[request.param](tmp_path / "model")))

    def make(rouge: str | None = None, english: bool = False) -> Plan:
        rows = articles(8)
        if not english:
            rows = [{key: cyrillic(text) for key, text in row.items()} for row in rows]
        path = str(write_jsonl(tmp_path / f"{english}.jsonl", rows))
        task = TaskConfig("file", path=path, kind=request.param, text="body", target="short", rouge=rouge)
        config = StudyConfig(task=task, model=model, storage=StorageConfig(f"sqlite:///{tmp_path / 'a.db'}"))
        folds = (Fold(0, np.arange(4), np.arange(4, 8)),)
        return Plan(config, parse_space(config), tasks.get("file").load(task, 0), folds, "f", np.arange(0))

    return make


def test_english_examples_keep_the_mark_that_they_always_had_and_others_have_another() -> None:
    pairs = Pairs(("a", "b"), ("c", "d"), 3)
    assert (documents(24).fingerprint, pairs.fingerprint) == ("e1d9bcbeb83113ac", "50b128b6a9ae3e36")
    for examples in (documents(24), pairs):
        assert replace(examples, words=ENGLISH).fingerprint == examples.fingerprint
        assert replace(examples, words=UNICODE).fingerprint != examples.fingerprint


def test_however_the_same_words_are_chosen_the_study_is_the_same(planned: Planned) -> None:
    assert len({planned(rouge, english=True).fingerprint for rouge in (None, "auto", "english")}) == 1
    assert len({planned(rouge).fingerprint for rouge in (None, "auto", "unicode")}) == 1
    assert planned("english").fingerprint != planned("unicode").fingerprint
    assert planned("english", english=True).fingerprint != planned("unicode", english=True).fingerprint


def stored_before(plan: Plan) -> None:
    """As a version stored it that knew English words alone."""
    config = plain(plan.config)
    del config["task"]["rouge"]
    Ledger(plan).study.set_user_attr(CONFIG, json.dumps(config))


def test_an_english_study_of_an_earlier_version_goes_on(planned: Planned) -> None:
    stored_before(planned(english=True))
    assert Ledger(planned(english=True)).trials() == []


def test_a_study_that_was_scored_in_fragments_does_not_go_on_by_other_words_unasked(planned: Planned) -> None:
    stored_before(planned("english"))
    with pytest.raises(ResumeError) as caught:
        Ledger(planned())
    assert "scored words of a to z alone" in str(caught.value)
    assert "add task.rouge=english to go on with it" in str(caught.value)
    assert "\n" not in str(caught.value)
    again = Ledger(planned("english"))
    again.keep_config()
    with pytest.raises(ResumeError, match="was run on other data"):
        Ledger(planned())


def test_a_study_that_was_scored_in_fragments_is_read_as_it_was(planned: Planned) -> None:
    plan = planned("english")
    stored_before(plan)
    _, config = find(plan.config.storage.url, plan.config.study.name)
    assert config.task.rouge == "english"
    assert Ledger(replace(plan, config=config), resumed=False).trials() == []


def test_a_stored_study_without_summaries_is_given_no_words(tmp_path: Path) -> None:
    config = replace(StudyConfig(), storage=StorageConfig(f"sqlite:///{tmp_path / 'a.db'}"))
    examples = tasks.get("sentiment").load(TaskConfig(limit=8), 0)
    stored_before(Plan(config, parse_space(config), examples, (), "f", np.arange(0)))
    assert find(config.storage.url, config.study.name)[1] == config
