"""The tables that the README's sweeps of one's own data read are what the tasks expect."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from benchmarks import own_data

from study import tasks
from study.config.schema import TaskConfig


def test_the_written_table_and_folder_hold_the_rated_sentences(tmp_path: Path) -> None:
    own_data.write(tmp_path)
    columns = {"text": "text", "label": "label"}
    reviews = TaskConfig(name="file", path=str(tmp_path / "amazon.csv"), group="review", **columns)
    movies = TaskConfig(name="hub", path=str(tmp_path / "movies"), test_split="validation", **columns)
    reviewed = tasks.get("file").load(reviews, seed=0)
    assert reviewed.classes == ("negative", "positive")
    assert 2_800 < len(reviewed.texts) <= 2_985
    assert len(np.unique(reviewed.groups)) > 250
    rated = tasks.get("hub").load(movies, seed=0)
    assert 1_900 < np.sum(rated.held) < 2_100
    assert 9_800 < len(rated.texts) <= 10_072
