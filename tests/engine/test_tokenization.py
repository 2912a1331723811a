"""Texts that are cut are counted, whoever wrote their tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiny import save_model
from transformers import AutoTokenizer

from study.engine.tokenization import tokenize

TEXTS = ("a b c d e", "a b", "a b c", "")


class Silent:
    """A tokenizer that gives ids alone, as those that are written in Python do."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.pad_token_id, self.unk_token_id = inner, inner.pad_token_id, inner.unk_token_id

    def __call__(self, texts: list[str], **how: Any) -> Any:
        out = self.inner(texts, **how)
        out._encodings = None
        return out


@pytest.mark.parametrize("longest", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("silent", [False, True])
def test_as_many_texts_are_cut_as_have_more_tokens(tmp_path: Path, longest: int, silent: bool) -> None:
    inner = AutoTokenizer.from_pretrained(str(save_model(tmp_path)))
    tokens = tokenize(TEXTS, Silent(inner) if silent else inner, longest)
    assert tokens.cut == sum(len(text.split()) > longest for text in TEXTS)
    assert tokens.lengths.max() == min(longest, 5)


def test_a_text_that_its_tokenizer_makes_nothing_of_is_read_as_one_unknown_token(tmp_path: Path) -> None:
    from tokenizers import normalizers
    from transformers import PreTrainedTokenizerFast

    backend = AutoTokenizer.from_pretrained(str(save_model(tmp_path)))._tokenizer
    backend.normalizer = normalizers.Replace("q", "")
    for unknown, expected in ({"unk_token": "[UNK]"}, 1), ({}, 0):
        tokens = tokenize(("a b", "q", "q q"), PreTrainedTokenizerFast(tokenizer_object=backend, **unknown), 8)
        assert [row.tolist() for row in tokens.ids.rows()] == [[2, 3], [expected], [expected]]
