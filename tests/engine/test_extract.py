"""Summaries by choosing sentences: windows lose nothing, members stay apart, and what is learned is chosen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import configuration, documents, member_of, save_model, tensors

from study.config.members import Member
from study.config.schema import Configuration, ModelConfig
from study.core.errors import ConfigError
from study.core.records import Fold
from study.data.examples import Documents
from study.engine.fit import Fit
from study.engine.problems.documents import Extract, windows_of
from study.engine.windows import SHARED, spans
from study.engine.workbench import StudyData, Workbench
from study.text.rouge import ENGLISH, UNICODE, WORDS

COUNT = 96


@given(st.lists(st.integers(1, 20), min_size=1, max_size=40), st.integers(20, 60))
def test_windows_hold_every_sentence_and_none_is_too_long(lengths: list[int], room: int) -> None:
    portions = spans(lengths, room)
    assert {i for a, b in portions for i in range(a, b)} == set(range(len(lengths)))
    assert all(sum(lengths[a:b]) <= room for a, b in portions)
    for (a, b), (c, d) in pairwise(portions):
        assert a < c <= b < d
        assert sum(lengths[c:b]) <= SHARED * room


def test_neighbouring_windows_share_context() -> None:
    assert spans([5] * 10, 20) == [(0, 4), (3, 7), (6, 10)]
    assert spans([5] * 3, 20) == [(0, 3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


def bench(folder: Path, longest: int = 24, pooling: str = "mean") -> tuple[Workbench, ModelConfig]:
    half = np.arange(COUNT) < COUNT * 3 // 4
    folds = (Fold(0, np.flatnonzero(half), np.flatnonzero(~half)), Fold(1, np.flatnonzero(~half), np.flatnonzero(half)))
    out = Workbench(StudyData(documents(COUNT), folds), torch.device("cpu"))
    model = ModelConfig(name=str(folder), max_length=longest, pooling=pooling)
    out.encoder(model).backbone.double()
    return out, model


def of(model: ModelConfig, **values: object) -> Configuration:
    return replace(configuration(**values), model=model)


def test_a_row_reads_the_query_and_whole_sentences(folder: Path) -> None:
    work, model = bench(folder)
    windows = windows_of(work, model)
    assert windows.tokens.lengths.max() <= 24
    assert windows.tokens.cut == 0
    assert len(windows.document) > COUNT  # some documents take several
    for row, ids in enumerate(windows.tokens.ids.rows()):
        document = windows.document[row]
        first, count = windows.first[row], windows.counts[row]
        text = " ".join(documents(COUNT).sentences[document][first : first + count])
        read = work.encoder(model).tokenizer.decode(ids)
        assert read == (f"z {text}" if document % 2 else text)
    assert windows.of(np.array([3, 1])).tolist() == [
        *np.flatnonzero(windows.document == 3), *np.flatnonzero(windows.document == 1)
    ]  # fmt: skip


def test_a_sentence_longer_than_a_window_is_cut_and_counted(folder: Path) -> None:
    work, model = bench(folder, longest=4)
    fit = Fit([member_of(0, 0, of(model, kind="head"), 0, work)], work)
    assert fit.problem.lengths.max() == 4
    assert 0 < fit.problem.truncated < 1  # those behind a query
    assert "sentences are longer than model.max_length=4" in work.notes[0]
    fit.pack.close()


def test_a_question_that_leaves_no_room_for_a_sentence_is_an_error(folder: Path) -> None:
    work, model = bench(folder, longest=1)
    with pytest.raises(
        ConfigError, match=r"model\.max_length=1: leaves no room for a sentence behind the question 'z'"
    ):
        windows_of(work, model)


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_a_member_learns_the_same_alone_and_in_a_pack_cached_and_not(folder: Path, pooling: str) -> None:
    def trained(members: list[Member], cached: bool) -> list[torch.Tensor]:
        fit = Fit(members, bench(folder, pooling=pooling)[0], cached=cached)
        fit.run()
        return [fit.pack.head[0], fit.pack.bias[0], *(t[0] for t in tensors(fit)[:2])]

    work, model = bench(folder, pooling=pooling)
    first = member_of(0, 0, of(model, kind="lora", rank=2, layers="top-1", targets="all-linear"), 1, work)
    held = of(model, kind="factorized", rank=2, lam=5.0, layers="top-1", targets="all-linear")
    second = member_of(1, 1, held, 2, work)
    alone = trained([first], cached=True)
    for other in (trained([first, second], cached=True), trained([first], cached=False)):
        assert all(torch.allclose(a, b, atol=1e-9, rtol=0) for a, b in zip(alone, other, strict=True))


def test_a_head_on_kept_vectors_of_sentences_equals_one_on_the_whole_model(folder: Path) -> None:
    heads = []
    for cached in (True, False):
        work, model = bench(folder)
        fit = Fit([member_of(0, 0, of(model, kind="head"), 1, work)], work, cached=cached)
        fit.run()
        heads.append(fit.pack.head)
    assert torch.allclose(*heads, atol=1e-9, rtol=0)


def test_what_is_marked_is_learned_and_chosen(folder: Path) -> None:
    work, model = bench(folder)
    told = of(model, kind="full", epochs=10, lr=5e-3)
    before = Fit([member_of(0, 0, told, 0, work)], work)
    untrained = before.problem.scores(before.pack, [work.data.folds[0].valid])[0]
    before.pack.close()
    (course,) = Fit([member_of(0, 0, told, 0, work)], work).run()
    assert untrained["rougeL"] < 0.7
    assert course.scores["rougeL"] > 0.95
    assert course.scores["loss"] < 0.8 * untrained["loss"]


def test_what_is_chosen_is_scored_and_counted_by_the_words_of_the_examples(folder: Path) -> None:
    """Of sentences of three characters without spaces two fit into a budget of six words, not all three."""
    chinese = Documents(("",) * 2, (("猫在叫", "狗在跑", "下雨了"),) * 2, ((1, 1, 0),) * 2, ("猫在叫狗在跑",) * 2, 6)
    everything, scores = np.arange(2), np.array([3.0, 2.0, 1.0])
    by_words = {}
    for words in WORDS.values():
        data = StudyData(replace(chinese, words=words), (Fold(0, everything, everything),))
        work, model = Workbench(data, torch.device("cpu")), ModelConfig(name=str(folder), max_length=24)
        fit = Fit([member_of(0, 0, of(model), 0, work)], work)
        assert isinstance(fit.problem, Extract)
        logits = {int(row): scores[:, None] for row in fit.problem.rows(everything)}
        by_words[words] = fit.problem._figures(logits, everything)["rougeL"]
        fit.pack.close()
    assert by_words == {ENGLISH: 0, UNICODE: 1}


def test_a_sentence_in_two_windows_scores_their_mean(folder: Path) -> None:
    work, model = bench(folder)
    fit = Fit([member_of(0, 0, of(model), 0, work)], work)
    assert isinstance(fit.problem, Extract)
    windows = fit.problem.windows
    document = int(windows.document[np.flatnonzero(np.diff(windows.document) == 0)[0]])
    rows = windows.of(np.array([document]))
    logits = {int(row): np.full((10, 1), float(i)) for i, row in enumerate(rows)}
    held = [
        [i for i, r in enumerate(rows) if windows.first[r] <= s < windows.first[r] + windows.counts[r]]
        for s in range(len(documents(COUNT).sentences[document]))
    ]
    assert max(map(len, held)) > 1
    assert windows.means(logits, document) == pytest.approx([np.mean(logits_of_one) for logits_of_one in held])
    fit.pack.close()
