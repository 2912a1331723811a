"""The embedded topic task, on the real files: counts as they were printed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from study import tasks
from study.config.schema import TaskConfig
from study.data import packages
from study.data.examples import Texts


@pytest.fixture(scope="module")
def examples() -> Texts:
    return tasks.get("topic").load(TaskConfig(name="topic"), 0)


def test_every_article_is_there_once_under_its_topic(examples: Texts) -> None:
    assert examples.classes == ("business", "entertainment", "politics", "sports", "tech")
    assert np.bincount(examples.labels).tolist() == COUNTS
    assert len({" ".join(t.partition("\n")[2].split()) for t in examples.texts}) == len(examples)
    assert examples.notes["same body as another dropped"] == str(2225 - sum(COUNTS))
    assert examples.notes["duplicates dropped"] == "0"


COUNTS = [500, 366, 394, 492, 337]


def test_the_one_file_that_is_not_utf_8_says_pounds(examples: Texts) -> None:
    assert examples.notes["read as cp1252"] == "1 file"
    assert any("a £15.8m signing from Parma" in text for text in examples.texts)
    assert not any("\ufffd" in text for text in examples.texts)


def test_macro_f1_is_the_score_and_accuracy_may_be(examples: Texts) -> None:
    assert examples.metric == "macro_f1"
    assert tasks.get("topic").load(TaskConfig(name="topic", metric="accuracy"), 0).metric == "accuracy"


def test_a_body_that_is_there_again_under_another_title_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    articles = {"a/1.txt": "One\n\nthe body", "a/2.txt": "Two\n\nthe  body\n", "b/1.txt": "Three\n\nanother"}
    for name, text in articles.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(packages, "fetch", lambda _: tmp_path)
    texts = tasks.get("topic").read(TaskConfig())
    assert isinstance(texts, Texts)
    assert texts.texts == ("One\n\nthe body", "Three\n\nanother")
    assert texts.labels.tolist() == [0, 1]
