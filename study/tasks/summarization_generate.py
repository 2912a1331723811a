"""ACLSum's summaries, to be written by a model of one's own choice instead of chosen sentence by sentence."""

from __future__ import annotations

from dataclasses import replace

from study.config.schema import TaskConfig
from study.data.examples import Pairs
from study.tasks import summarization
from study.tasks.base import Task

LONGEST = 64  # tokens: a reference has 22 words, and 25 at most
SUFFIX = "\nTL;DR:"  # how GPT-2 was first asked for a summary (Radford et al. 2019); it serves T5 and BART as well


class SummarizationGenerate(Task):
    """A source is the question for one aspect and then the paper's sentences; the target is what people wrote."""

    name = "summarization_generate"

    def reads(self, config: TaskConfig) -> tuple[str, ...]:
        return ("longest", "prefix", "suffix", "rouge")

    def read(self, config: TaskConfig) -> Pairs:
        documents = summarization.TASK.read(replace(config, budget=None))
        return Pairs(
            tuple(
                f"{query} {' '.join(sentences)}"
                for query, sentences in zip(documents.queries, documents.sentences, strict=True)
            ),
            documents.references,
            config.longest or LONGEST,
            config.prefix or "",
            SUFFIX if config.suffix is None else config.suffix,
            groups=documents.groups,
            held=documents.held,
            metric=documents.metric,
            words=documents.words,
        ).with_notes(
            papers=documents.notes["papers"], tokens_to_write=config.longest or LONGEST, rouge=documents.notes["rouge"]
        )


TASK = SummarizationGenerate()
