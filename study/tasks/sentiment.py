"""Movie-review sentences with human ratings (Hutto & Gilbert 2014), positive against negative."""

from __future__ import annotations

import numpy as np

from study.config.schema import TaskConfig
from study.data import packages
from study.data.examples import Texts
from study.tasks.base import Task

FILE = "movieReviewSnippets_GroundTruth.txt"
NEUTRAL = 0.5  # a mean rating nearer to zero says neither


class Sentiment(Task):
    """Rows are `id <tab> mean rating <tab> text`; ratings run from −3.9 to 3.9, sorted by label."""

    name = "sentiment"

    def read(self, config: TaskConfig) -> Texts:
        rows = read_ratings(FILE)
        kept = [(r, s) for _, r, s in rows if abs(r) >= NEUTRAL]
        return Texts(
            texts=tuple(s for _, s in kept),
            labels=np.array([int(r > 0) for r, _ in kept], dtype=np.int64),
            classes=("negative", "positive"),
            notes={"neutral dropped": str(len(rows) - len(kept))},
        )


def read_ratings(file: str) -> list[tuple[str, float, str]]:
    """Every sentence of one of the package's files: its id, its mean rating and its text."""
    text = (packages.fetch("sentiment") / file).read_text(encoding="utf-8")
    rows = [line.split("\t", 2) for line in text.split("\n") if line.strip()]
    return [(id_, float(rating), snippet.strip()) for id_, rating, snippet in rows]


TASK = Sentiment()
