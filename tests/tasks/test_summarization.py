"""The embedded summarization task, on the real files: counts as they were printed once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from study import tasks
from study.config.schema import TaskConfig
from study.core.records import Fold
from study.data import packages
from study.data.examples import Documents, Pairs
from study.data.folds import make_folds, split_test
from study.scoring.references import references
from study.text import rouge, summaries
from study.text.rouge import ENGLISH, UNICODE

CONFIG = TaskConfig(name="summarization")


@pytest.fixture(scope="module")
def examples() -> Documents:
    return tasks.get("summarization").load(CONFIG, 0)


def test_each_paper_is_there_once_for_each_aspect(examples: Documents) -> None:
    assert examples.groups is not None
    assert np.unique(examples.groups, return_counts=True)[1].tolist() == [3] * 250
    assert np.bincount(examples.strata).tolist() == [250] * 3
    assert examples.notes["empty sentences dropped"] == "0"
    assert examples.notes["highlights found greedily for want of any"] == "0"


def test_the_official_test_papers_are_held_out_and_no_paper_is_in_two_folds(examples: Documents) -> None:
    searched, test = split_test(examples, 0.2, 0)
    assert (len(searched), len(test)) == (450, 300)
    assert examples.groups is not None
    for fold in make_folds(examples, 3, 0, searched).folds:
        assert not {*examples.groups[fold.train]} & {*examples.groups[fold.valid]}
        assert not {*examples.groups[fold.valid]} & {*examples.groups[test]}


def test_the_budget_is_the_one_at_which_what_people_highlighted_is_worth_most(examples: Documents) -> None:
    assert examples.budget == 50
    searched = examples.take(np.flatnonzero(~np.asarray(examples.held)))
    marked = [
        [s for s, h in zip(t, m, strict=True) if h]
        for t, m in zip(searched.sentences, searched.highlights, strict=True)
    ]

    def worth(budget: int) -> float:
        kept = [summaries.choose_sentences(np.ones(len(m)), m, budget, searched.words) for m in marked]
        texts = [" ".join(m[i] for i in k) for m, k in zip(marked, kept, strict=True)]
        return float(rouge.f1(texts, searched.references, searched.words)["rouge1"].mean())

    scores = {budget: worth(budget) for budget in (25, 50, 100)}
    assert scores == pytest.approx({25: 0.338, 50: 0.378, 100: 0.325}, abs=0.001)


def test_the_oracle_is_above_the_highlights_and_these_above_the_lead(examples: Documents) -> None:
    searched, test = split_test(examples, 0.2, 0)
    scores = references(examples, Fold(0, searched, test))
    for metric in ("rouge1", "rouge2", "rougeL"):
        assert scores["oracle"][metric] > scores["highlights"][metric] + 0.05
        assert scores["highlights"][metric] > scores["lead"][metric] + 0.05


def test_empty_sentences_are_left_out_and_missing_highlights_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = {"abstract": ["A cat sat.", " "], "introduction": ["A dog barked loudly."], "conclusion": []}
    marks = {"abstract": [1, 0], "introduction": [0], "conclusion": []}
    unmarked = {"abstract": [0, 1], "introduction": [0], "conclusion": []}  # the empty sentence alone is marked
    paper = {
        "id": "P1",
        "sentences": sections,
        "highlights": {"challenge": marks, "approach": marks, "outcome": unmarked},
        "summary": {"challenge": "a cat sat", "approach": "a cat sat", "outcome": "the dog barked"},
    }
    for name in ("train", "val", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({**paper, "id": name}) + "\n\n", encoding="utf-8")
    monkeypatch.setattr(packages, "fetch", lambda _: tmp_path)
    documents = tasks.get("summarization").read(CONFIG)
    assert isinstance(documents, Documents)
    written = tasks.get("summarization_generate").read(TaskConfig(name="summarization_generate", rouge="unicode"))
    assert isinstance(written, Pairs)
    assert (documents.words, written.words) == (ENGLISH, UNICODE)
    assert (documents.notes["rouge"], written.notes["rouge"]) == (ENGLISH.description, UNICODE.description)
    assert set(documents.sentences) == {("A cat sat.", "A dog barked loudly.")}
    assert documents.highlights == ((1, 0), (1, 0), (0, 1)) * 3
    assert documents.notes["empty sentences dropped"] == "3"
    assert documents.notes["highlights found greedily for want of any"] == "3"
