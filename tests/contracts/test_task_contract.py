"""What every task guarantees, held against every task that there is."""

import sys
from types import ModuleType

import numpy as np
import pytest

from study import metrics, tasks
from study.config import TaskConfig
from study.errors import ConfigError
from study.tasks.base import Examples, Task

SEED = 3


@pytest.fixture(scope="module", params=tasks.names())
def task(request):
    return tasks.get(request.param)


@pytest.fixture(scope="module")
def examples(task):
    return task.load(TaskConfig(name=task.name), SEED)


def test_its_name_is_the_one_it_is_found_by(task):
    assert tasks.get(task.name) is task


def test_its_metric_has_a_direction(task):
    assert metrics.direction(task.metric) in ("maximize", "minimize")


def test_texts_labels_and_groups_have_one_length(examples):
    assert examples.labels.shape == (len(examples.texts),)
    assert examples.groups is None or examples.groups.shape == examples.labels.shape


def test_labels_are_whole_numbers_and_every_class_occurs(examples):
    assert examples.labels.dtype == np.int64
    assert np.unique(examples.labels).tolist() == list(range(len(examples.classes)))


def test_no_text_occurs_twice_or_is_empty(examples):
    assert len(set(examples.texts)) == len(examples.texts)
    assert all(text.strip() for text in examples.texts)


def test_loading_twice_gives_the_same_examples_in_the_same_order(task, examples):
    again = task.load(TaskConfig(name=task.name), SEED)
    assert again.texts == examples.texts
    assert again.fingerprint == examples.fingerprint


def test_a_limit_keeps_each_class_its_share(task, examples):
    some = task.load(TaskConfig(name=task.name, limit=100), SEED)
    share = np.bincount(examples.labels) / len(examples.labels)
    assert len(some.texts) == 100
    assert np.abs(np.bincount(some.labels) - 100 * share).max() < 1
    assert some.notes["limit"] == f"100 of {len(examples.texts)} used"


def test_a_limit_is_a_function_of_the_seed(task):
    limited = TaskConfig(name=task.name, limit=100)
    prints = [task.load(limited, seed).fingerprint for seed in (0, 0, 1)]
    assert prints[0] == prints[1] != prints[2]


def test_a_limit_above_the_data_uses_all_and_says_so(task, examples):
    all_of_them = task.load(TaskConfig(name=task.name, limit=10**9), SEED)
    assert all_of_them.fingerprint == examples.fingerprint
    assert all_of_them.notes["limit"] == f"{10**9} asked, all {len(examples.texts)} used"


def test_shuffled_labels_are_the_same_labels_elsewhere(task, examples):
    control = task.load(TaskConfig(name=task.name, shuffle_labels=True), SEED)
    assert control.texts == examples.texts
    assert np.bincount(control.labels).tolist() == np.bincount(examples.labels).tolist()
    # Where labels are independent of the old ones, they agree as often as chance has it.
    chance = float(np.square(np.bincount(examples.labels) / len(examples.labels)).sum())
    assert np.mean(control.labels == examples.labels) == pytest.approx(chance, abs=0.1)


def test_what_was_dropped_is_counted(examples):
    assert int(examples.notes["duplicates dropped"]) >= 0


def test_an_unknown_task_is_refused_with_the_names_there_are():
    with pytest.raises(ConfigError) as caught:
        tasks.get("sentimnt")
    assert all(name in str(caught.value) for name in tasks.names())


def test_a_new_task_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "echo.py").write_text("TASK = 'the task'\n")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    assert "echo" in tasks.names()
    assert tasks.get("echo") == "the task"
    assert isinstance(sys.modules.pop("study.tasks.echo"), ModuleType)


class Repeats(Task):
    """Six rows of which one text is there twice."""

    name = "repeats"

    def read(self) -> Examples:
        return Examples(("a", "b", "a", "c", "d", "e"), np.array([0, 1, 1, 0, 1, 0]), ("no", "yes"), np.arange(6))


def test_the_first_of_a_repeated_text_stays_with_its_label_and_group():
    kept = Repeats().load(TaskConfig(), 0)
    assert kept.texts == ("a", "b", "c", "d", "e")
    assert kept.labels.tolist() == [0, 1, 0, 1, 0]
    assert kept.groups is not None
    assert kept.groups.tolist() == [0, 1, 3, 4, 5]
    assert kept.notes["duplicates dropped"] == "1"
