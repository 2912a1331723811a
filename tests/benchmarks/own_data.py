"""Writes real data as people have it, for `task=file` and `task=hub`: a CSV table and the folder of a data set.

    python tests/benchmarks/own_data.py        # writes amazon.csv and movies/ where it is called

`amazon.csv`: sentences of Amazon reviews, each of which has a number; `movies/`: sentences of film reviews in two
splits of Parquet. Both are of Hutto & Gilbert 2014, with the sign of people's mean rating as their label.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from study.tasks.sentiment import FILE, NEUTRAL, read_ratings

REVIEWS = "amazonReviewSnippets_GroundTruth.txt"
VALIDATION = 0.2


def sentences(file: str) -> pd.DataFrame:
    """Columns `review` (its number), `text` and `label`, without the sentences that are neither."""
    table = pd.DataFrame(read_ratings(file), columns=["id", "rating", "text"])
    rating = table.pop("rating")
    table["review"] = table.pop("id").str.partition("_")[0]
    table["label"] = np.where(rating > 0, "positive", "negative")
    return table[rating.abs() >= NEUTRAL]


def write(folder: Path) -> None:
    """Both, as `folder`/amazon.csv and `folder`/movies."""
    sentences(REVIEWS)[["review", "text", "label"]].to_csv(folder / "amazon.csv", index=False)
    movies = sentences(FILE)[["text", "label"]]
    held = np.random.default_rng(0).random(len(movies)) < VALIDATION
    (folder / "movies").mkdir(exist_ok=True)
    movies[~held].to_parquet(folder / "movies" / "train-00000-of-00001.parquet", index=False)
    movies[held].to_parquet(folder / "movies" / "validation-00000-of-00001.parquet", index=False)


if __name__ == "__main__":
    write(Path.cwd())
