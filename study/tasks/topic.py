"""BBC news of 2004 and 2005 in five topics (Greene & Cunningham 2006): whole articles."""

from __future__ import annotations

import numpy as np

from study.config.schema import TaskConfig
from study.data import packages
from study.data.examples import Texts
from study.tasks.base import Task


class Topic(Task):
    """Files `<class>/NNN.txt`, each a title, a blank line and a body; some bodies are there again, a few under
    another title."""

    name = "topic"

    def read(self, config: TaskConfig) -> Texts:
        files = sorted(packages.fetch("topic").glob("*/*.txt"))
        decoded = [_decode(file.read_bytes()) for file in files]
        texts = [text.strip() for text, _ in decoded]
        bodies = [" ".join(text.partition("\n")[2].split()) for text in texts]
        kept = sorted({body: i for i, body in reversed(list(enumerate(bodies)))}.values())
        classes = sorted({file.parent.name for file in files})
        labels = np.array([classes.index(files[i].parent.name) for i in kept], dtype=np.int64)
        articles = Texts(tuple(texts[i] for i in kept), labels, tuple(classes), metric="macro_f1")
        foreign = sum(not utf8 for _, utf8 in decoded)
        return articles.with_notes(
            same_body_as_another_dropped=len(files) - len(kept), read_as_cp1252=f"{foreign} file"
        )


def _decode(content: bytes) -> tuple[str, bool]:
    """The text, and whether it was UTF-8; what is not says £ as Windows did."""
    try:
        return content.decode("utf-8"), True
    except UnicodeDecodeError:
        return content.decode("cp1252"), False


TASK = Topic()
