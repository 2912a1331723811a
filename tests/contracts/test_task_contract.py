"""What every task guarantees, held against every task that there is, and against every kind that a table can be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tables import articles, reviews, write_csv, write_jsonl, write_parquet

from study import metrics, tasks
from study.config import KINDS, TaskConfig
from study.errors import ConfigError
from study.examples import Documents, Examples, Texts
from study.tasks.base import Task

SEED = 3
SOME = 60


def hub(folder: Path, rows: list[dict[str, Any]], **keys: str) -> TaskConfig:
    folder.mkdir()
    write_parquet(folder / "train.parquet", rows)
    return TaskConfig(name="hub", path=str(folder), **keys)


REVIEWS, ARTICLES = {"text": "review", "label": "stars", "group": "shop"}, {"text": "body", "target": "short"}
# Tasks that need to be told where their examples are, in each kind.
TOLD: dict[str, Callable[[Path], TaskConfig]] = {
    "file": lambda f: TaskConfig(name="file", path=str(write_csv(f / "t.csv", reviews())), **REVIEWS),
    "file summarization": lambda f: TaskConfig(
        name="file", path=str(write_jsonl(f / "t.jsonl", articles())), kind="summarization", **ARTICLES
    ),
    "file summarization_generate": lambda f: TaskConfig(
        name="file", path=str(write_parquet(f / "t.parquet", articles())), kind="summarization_generate", **ARTICLES
    ),
    "hub": lambda f: hub(f / "t", reviews(), **REVIEWS),
    "hub summarization": lambda f: hub(f / "t", articles(), kind="summarization", **ARTICLES),
    "hub summarization_generate": lambda f: hub(f / "t", articles(), kind="summarization_generate", **ARTICLES),
}
CASES = sorted({*tasks.names(), *TOLD})


@pytest.fixture(scope="module", params=CASES)
def config(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TaskConfig:
    told = TOLD.get(request.param)
    return TaskConfig(name=request.param) if told is None else told(tmp_path_factory.mktemp("task"))


@pytest.fixture(scope="module")
def task(config: TaskConfig) -> Task:
    return tasks.get(config.name)


@pytest.fixture(scope="module")
def examples(task: Task, config: TaskConfig) -> Examples:
    return task.load(config, SEED)


def test_every_kind_of_a_table_is_tried() -> None:
    assert {f"file {kind}".removesuffix(" classification") for kind in KINDS} <= {*TOLD}


def test_its_name_is_the_one_it_is_found_by(task: Task) -> None:
    assert tasks.get(task.name) is task


def test_its_metric_has_a_direction_and_is_one_of_its_scores(examples: Examples) -> None:
    assert metrics.direction(examples.metric) == "maximize"
    assert examples.metric in examples.scores


def test_all_that_is_said_of_each_example_has_one_length(examples: Examples) -> None:
    count = len(examples)
    assert len(examples.keys()) == examples.strata.shape[0] == count
    for marks in (examples.groups, examples.held):
        assert marks is None or marks.shape == (count,)


def test_classes_are_whole_numbers_and_each_occurs(examples: Examples) -> None:
    assert examples.strata.dtype == np.int64
    most = examples.outputs if examples.classified else examples.strata.max() + 1
    assert np.unique(examples.strata).tolist() == list(range(most))


def test_no_example_occurs_twice_or_is_empty(examples: Examples) -> None:
    assert len(set(examples.keys())) == len(examples)
    assert all(key.strip() for key in examples.keys())  # noqa: SIM118 -- no dict


def test_documents_have_sentences_and_one_mark_for_each(examples: Examples) -> None:
    if not isinstance(examples, Documents):
        pytest.skip("these are no documents")
    assert all(len(s) == len(h) > 0 for s, h in zip(examples.sentences, examples.highlights, strict=True))
    assert all(sentence.strip() for sentences in examples.sentences for sentence in sentences)
    assert {mark for own in examples.highlights for mark in own} == {0, 1}
    assert all(any(own) for own in examples.highlights)
    assert examples.budget >= 1


def test_loading_twice_gives_the_same_examples_in_the_same_order(
    task: Task, config: TaskConfig, examples: Examples
) -> None:
    again = task.load(config, SEED)
    assert again.keys() == examples.keys()
    assert again.fingerprint == examples.fingerprint


def test_a_limit_keeps_each_class_its_share(task: Task, config: TaskConfig, examples: Examples) -> None:
    some = task.load(replace(config, limit=SOME), SEED)
    share = np.bincount(examples.strata) / len(examples)
    assert len(some) == SOME
    assert np.abs(np.bincount(some.strata) - SOME * share).max() < 1
    assert some.notes["limit"] == f"{SOME} of {len(examples)} used"


def test_a_limit_is_a_function_of_the_seed(task: Task, config: TaskConfig) -> None:
    prints = [task.load(replace(config, limit=SOME), seed).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_a_limit_above_the_data_uses_all_and_says_so(task: Task, config: TaskConfig, examples: Examples) -> None:
    all_of_them = task.load(replace(config, limit=10**9), SEED)
    assert all_of_them.fingerprint == examples.fingerprint
    assert all_of_them.notes["limit"] == f"{10**9} asked, all {len(examples)} used"


def test_shuffled_answers_are_other_answers_to_the_same_inputs(
    task: Task, config: TaskConfig, examples: Examples
) -> None:
    control = task.load(replace(config, shuffle_labels=True), SEED)
    assert control.keys() == examples.keys()
    assert control.fingerprint != examples.fingerprint
    if examples.classified:
        assert np.bincount(control.strata).tolist() == np.bincount(examples.strata).tolist()
        # Where labels are independent of the old ones, they agree as often as chance has it.
        chance = float(np.square(np.bincount(examples.strata) / len(examples)).sum())
        assert np.mean(control.strata == examples.strata) == pytest.approx(chance, abs=0.15)


def test_what_was_dropped_is_counted(examples: Examples) -> None:
    assert int(examples.notes["duplicates dropped"]) >= 0


def test_a_score_that_it_has_is_taken_and_another_refused(task: Task, config: TaskConfig, examples: Examples) -> None:
    other = examples.scores[-1]
    assert task.load(replace(config, metric=other), SEED).metric == other
    foreign = "rouge1" if examples.classified else "accuracy"
    with pytest.raises(ConfigError, match=f"task.metric={foreign}"):
        task.load(replace(config, metric=foreign), SEED)


def test_a_key_that_it_does_not_read_is_refused(task: Task, config: TaskConfig) -> None:
    unread = {"label": "x", "budget": 5, "test_split": "x", "delimiter": ","}.items()
    for key, value in ((k, v) for k, v in unread if k not in task.reads(config)):
        with pytest.raises(ConfigError, match=f"task.{key}={value}: is not read by task={task.name}"):
            task.load(replace(config, **{key: value}), SEED)


def test_an_unknown_task_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        tasks.get("sentimnt")
    assert all(name in str(caught.value) for name in tasks.names())


def test_a_new_task_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "echo.py").write_text("TASK = 'the task'\n")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    assert "echo" in tasks.names()
    assert tasks.get("echo") == "the task"
    assert isinstance(sys.modules.pop("study.tasks.echo"), ModuleType)


class Repeats(Task):
    """Six rows of which one text is there twice, with two labels."""

    name = "repeats"

    def read(self, config: TaskConfig) -> Texts:
        texts, labels = ("a", "b", "a", "c", "d", "e"), np.array([0, 1, 1, 0, 1, 0])
        return Texts(texts, labels, ("no", "yes"), groups=np.arange(6))


def test_the_first_of_a_repeated_text_stays_with_its_label_and_group() -> None:
    kept = Repeats().load(TaskConfig(), 0)
    assert kept.texts == ("a", "b", "c", "d", "e")
    assert kept.labels.tolist() == [0, 1, 0, 1, 0]
    assert kept.groups is not None
    assert kept.groups.tolist() == [0, 1, 3, 4, 5]
    assert kept.notes["duplicates dropped"] == "1"
    assert kept.notes["duplicates of another class"] == "1"
