"""ACLSum (Takeshita et al. 2024): what a paper's authors are up against, do and find, told in a sentence each."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from study.config.schema import TaskConfig
from study.data import packages
from study.data.examples import Documents
from study.tasks.base import Task
from study.text import rouge, summaries
from study.text.rouge import Words

SECTIONS = ("abstract", "introduction", "conclusion")
# The paper's own three aspects, asked as a reader would.
QUERIES = {
    "challenge": "Which challenge do the authors face?",
    "approach": "Which approach do the authors take?",
    "outcome": "What is the outcome?",
}
# Words of a summary: two sentences, of 26 words on average. References have 22, and 25 at most, but what people
# highlighted comes nearest to them at about so many words (ROUGE-1 on train and val: 0.34 at 25, 0.38 at 50, 0.33 at
# 100).
BUDGET = 50
SPLITS = ("train", "val", "test")  # the last is what the source holds out


class Summarization(Task):
    """An example is a paper and an aspect: its sentences in order, which of them people highlighted, and the summary
    that they wrote. A paper's three examples stay in one fold.

    An example without a highlight is given those that a greedy search for its reference takes; empty sentences are
    left out; both are counted.
    """

    name = "summarization"

    def reads(self, config: TaskConfig) -> tuple[str, ...]:
        return ("budget", "rouge")

    def read(self, config: TaskConfig) -> Documents:
        budget, folder = config.budget or BUDGET, packages.fetch("aclsum")
        papers = [
            (split, paper) for split in SPLITS for paper in _lines((folder / f"{split}.jsonl").read_text("utf-8"))
        ]
        rows = [(split, paper, aspect) for split, paper in papers for aspect in QUERIES]
        marked = [_with_highlights(paper, aspect) for _, paper, aspect in rows]
        references = [" ".join(paper["summary"][aspect].split()) for _, paper, aspect in rows]
        words, said = rouge.pick(config.rouge, references)
        without = [i for i, sentences in enumerate(marked) if not any(h for _, h in sentences)]
        for i in without:
            marked[i] = _with_oracle_highlights(marked[i], references[i], budget, words)
        documents = Documents(
            tuple(QUERIES[aspect] for _, _, aspect in rows),
            tuple(tuple(sentence for sentence, _ in sentences) for sentences in marked),
            tuple(tuple(highlight for _, highlight in sentences) for sentences in marked),
            tuple(references),
            budget,
            groups=np.array([paper["id"] for _, paper, _ in rows]),
            held=np.array([split == SPLITS[-1] for split, _, _ in rows]),
            metric="rougeL",
            words=words,
        )
        empty = sum(not s.strip() for _, paper in papers for section in SECTIONS for s in paper["sentences"][section])
        return documents.with_notes(
            papers=len(papers),
            words_of_a_summary=budget,
            empty_sentences_dropped=empty,
            highlights_found_greedily_for_want_of_any=len(without),
            rouge=said,
        )


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _with_highlights(paper: dict[str, Any], aspect: str) -> list[tuple[str, int]]:
    """The paper's sentences that are not empty, each with its highlight."""
    sentences = [s for section in SECTIONS for s in paper["sentences"][section]]
    highlights = [h for section in SECTIONS for h in paper["highlights"][aspect][section]]
    pairs = zip(sentences, highlights, strict=True)
    return [(" ".join(sentence.split()), int(highlight)) for sentence, highlight in pairs if sentence.strip()]


def _with_oracle_highlights(
    marked: list[tuple[str, int]], reference: str, budget: int, words: Words
) -> list[tuple[str, int]]:
    """The same sentences, those highlighted that a greedy search for the reference takes within `budget` words."""
    taken = summaries.oracle([sentence for sentence, _ in marked], reference, budget, words)
    return [(sentence, int(i in taken)) for i, (sentence, _) in enumerate(marked)]


TASK = Summarization()
