"""The embedded sentiment task, on the real file: counts as they were printed once."""

import numpy as np
import pytest

from study import tasks
from study.config.schema import TaskConfig
from study.data import packages
from study.tasks.sentiment import FILE


@pytest.fixture(scope="module")
def whole():
    return tasks.get("sentiment").read(TaskConfig())


def test_ratings_of_half_a_point_or_more_are_labels(whole):
    assert np.bincount(whole.labels).tolist() == [5076, 4996]
    assert whole.notes["neutral dropped"] == "533"


def test_the_file_is_almost_sorted_by_label_so_folds_must_shuffle(whole):
    half = len(whole.labels) // 2
    assert whole.labels[:half].mean() > 0.9
    assert whole.labels[half:].mean() < 0.1


def test_repeated_sentences_are_dropped():
    examples = tasks.get("sentiment").load(TaskConfig(), 0)
    assert examples.classes == ("negative", "positive")
    assert np.bincount(examples.labels).tolist() == [5075, 4995]
    assert examples.notes["duplicates dropped"] == "2"


def test_no_text_carries_its_id_or_rating(whole):
    assert not any("\t" in text for text in whole.texts)
    assert all(whole.texts)


def test_a_rating_s_sign_is_the_label(tmp_path, monkeypatch):
    rows = "1\t0.5\tgood\n2\t-3.9\tbad\n3\t0.49\tneither\n4\t2\tsplit\u2028line\n"
    (tmp_path / FILE).write_text(rows, encoding="utf-8")
    monkeypatch.setattr(packages, "fetch", lambda _: tmp_path)
    read = tasks.get("sentiment").read(TaskConfig())
    assert read.texts == ("good", "bad", "split\u2028line")
    assert read.labels.tolist() == [1, 0, 1]
