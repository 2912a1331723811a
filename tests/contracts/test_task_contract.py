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

from study import tasks
from study.config.schema import KINDS, TaskConfig
from study.core import figures
from study.core.errors import ConfigError, DataError
from study.data.duplicates import without_duplicates
from study.data.examples import Documents, Examples, Summarized, Texts
from study.data.folds import split_test
from study.tasks.base import Task, limit_examples

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
    assert figures.direction(examples.metric) == "maximize"
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
    assert {mark for marks in examples.highlights for mark in marks} == {0, 1}
    assert all(any(marks) for marks in examples.highlights)
    assert examples.budget >= 1


def test_what_rouge_calls_a_word_is_said(examples: Examples) -> None:
    said = examples.notes.get("rouge")
    assert said == (examples.words.description if isinstance(examples, Summarized) else None)


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


def test_a_repeated_text_whose_labels_tie_is_left_out_and_counted() -> None:
    kept = Repeats().load(TaskConfig(), 0)
    assert kept.texts == ("b", "c", "d", "e")
    assert kept.labels.tolist() == [1, 0, 1, 0]
    assert kept.groups is not None
    assert kept.groups.tolist() == [1, 3, 4, 5]
    assert kept.notes["duplicates dropped"] == "2"
    assert kept.notes["texts left out since their labels tie"] == "1"


def texts(rows: str, held: str = "", groups: str = "") -> Texts:
    """Texts of one letter, each with its label: `a0b1`; `held` has a 1 for each row of the test set."""
    labels = np.array([int(c) for c in rows[1::2]], dtype=np.int64)
    marks = np.array([c == "1" for c in held]) if held else None
    return Texts(
        tuple(rows[::2]), labels, ("x", "y", "z"), held=marks, groups=np.array(list(groups)) if groups else None
    )


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ("a0a1a1b0c2", "a1b0c2"),
        ("a1a1a0b0c2", "a1b0c2"),
        ("a0a1a2b0c1d2", "b0c1d2"),  # three classes, one row each
        ("a0a1a0a1a2b0c1d2", "b0c1d2"),  # a tie at the top
        ("a0a0a1a2b0c1d2", "a0b0c1d2"),
    ],
)
def test_the_majority_of_a_texts_labels_wins_wherever_the_first_row_stands(rows: str, kept: str) -> None:
    left = without_duplicates(texts(rows))
    assert "".join(f"{t}{n}" for t, n in zip(left.texts, left.labels, strict=True)) == kept


def test_a_named_test_set_stays_whole_and_its_texts_leave_the_training_side() -> None:
    left = without_duplicates(texts("a0b1c0d1a1a1b1b1", "00001111"))
    assert left.held is not None
    assert (left.texts, left.labels.tolist(), left.held.tolist()) == (
        ("c", "d", "a", "b"), [0, 1, 1, 1], [False, False, True, True],
    )  # fmt: skip
    assert left.notes["training rows dropped since their text is in the test set"] == "2"
    assert left.notes["duplicates dropped"] == "2"


def test_a_group_of_the_test_set_leaves_the_training_side() -> None:
    left = without_duplicates(texts("a0b1c0d1e1", "00001", "ppqrp"))
    # Of p, one training row is of either class; the others stay.
    assert left.texts == ("c", "d", "e")
    assert left.notes["training rows dropped since their group is in the test set"] == "2"


@pytest.mark.parametrize(
    ("rows", "held", "said"),
    [
        ("a0b1a0b1", "0011", "have no row that is not in the test set"),
        ("a0b1c0b1", "0001", "have no row of class y"),
        ("a0b1c0c1", "0011", "the test set: has no text whose labels agree"),
    ],
)
def test_a_test_set_that_takes_all_there_is_to_learn_is_refused(rows: str, held: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        without_duplicates(texts(rows, held))


def test_a_limit_leaves_a_named_test_set_whole() -> None:
    some = limit_examples(texts("a0b1c0d1e0f1g0", "0000111"), 2, 0, named=True)
    assert some.texts[2:] == ("e", "f", "g")
    assert len(some) == 5
    assert some.notes["limit"] == "2 of 4 used"


def test_a_test_set_of_the_source_without_a_row_is_never_replaced_by_a_random_one() -> None:
    with pytest.raises(DataError, match="has no row left"):
        split_test(texts("a0b1c0d1", "0000"), 0.5, 0)
