"""Choosing sentences under a budget, as properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.text.rouge import ENGLISH, UNICODE, English, f1
from study.text.summaries import choose_sentences, lead, oracle

word = st.sampled_from(["alpha", "beta", "gamma", "delta", "running", "runs", "of", "x"])
sentence = st.lists(word, min_size=1, max_size=8).map(" ".join)
document = st.lists(sentence, min_size=1, max_size=8)
budget = st.integers(1, 30)


def total(sentences: list[str], kept: list[int]) -> int:
    return sum(ENGLISH.count(sentences[i]) for i in kept)


@given(document, budget, st.integers(0, 2**32 - 1))
def test_what_is_chosen_is_in_order_within_the_budget_or_one_sentence_alone(
    sentences: list[str], budget: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).normal(size=len(sentences))
    kept = choose_sentences(scores, sentences, budget, ENGLISH)
    assert kept == sorted(set(kept))
    assert len(kept) >= 1
    assert total(sentences, kept) <= budget or kept == [int(np.argmax(scores))]


@given(document, budget, st.integers(0, 2**32 - 1))
def test_what_is_left_out_scores_less_or_no_longer_fits(sentences: list[str], budget: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=len(sentences))
    kept = choose_sentences(scores, sentences, budget, ENGLISH)
    for i in set(range(len(sentences))) - set(kept):
        better = [k for k in kept if scores[k] > scores[i]]
        assert total(sentences, better) + ENGLISH.count(sentences[i]) > budget


def test_of_equal_scores_the_earlier_sentence_is_chosen() -> None:
    assert choose_sentences(np.zeros(3), ["a b", "c d", "e f"], 4, ENGLISH) == [0, 1]


def test_a_sentence_that_does_not_fit_makes_room_for_a_worse_one_that_does() -> None:
    assert choose_sentences(np.array([3.0, 2.0, 1.0]), ["a b c", "d e f", "g h"], 5, ENGLISH) == [0, 2]


@given(document, budget)
def test_lead_is_the_longest_beginning_that_fits_and_never_nothing(sentences: list[str], budget: int) -> None:
    kept = lead(sentences, budget, ENGLISH)
    assert kept == list(range(len(kept)))
    assert len(kept) >= 1
    assert total(sentences, kept) <= budget or len(kept) == 1
    assert len(kept) == len(sentences) or total(sentences, [*kept, len(kept)]) > budget


def test_a_document_without_sentences_has_no_summary() -> None:
    assert choose_sentences(np.zeros(0), [], 5, ENGLISH) == lead([], 5, ENGLISH) == oracle([], "a", 5, ENGLISH) == []


def worth(sentences: list[str], kept: list[int], reference: str) -> float:
    """ROUGE-1 F1 + ROUGE-2 F1 by the library, of sentences that share no pair of words with one another."""
    figures = f1([" ".join(sentences[i] for i in kept)], [reference], ENGLISH)
    return float(figures["rouge1"][0] + figures["rouge2"][0])


@given(document, sentence, budget)
def test_the_oracle_keeps_to_the_budget_and_takes_what_helps(sentences: list[str], reference: str, budget: int) -> None:
    kept = oracle(sentences, reference, budget, ENGLISH)
    assert kept == sorted(set(kept))
    assert total(sentences, kept) <= budget or len(kept) == 1
    shares = [i for i, s in enumerate(sentences) if worth(sentences, [i], reference) > 0]
    assert bool(kept) == bool(shares)
    fitting = [i for i in shares if ENGLISH.count(sentences[i]) <= budget] or shares
    if len(kept) == 1:  # then it is the best one alone, as the library counts
        assert worth(sentences, kept, reference) == pytest.approx(
            max(worth(sentences, [i], reference) for i in fitting)
        )


@given(document, st.integers(0, 7))
def test_the_oracle_finds_a_reference_that_is_one_of_the_sentences(sentences: list[str], i: int) -> None:
    reference = sentences[i % len(sentences)]
    kept = oracle(sentences, reference, ENGLISH.count(reference), ENGLISH)
    assert worth(sentences, kept, reference) == pytest.approx(worth([reference], [0], reference))


def test_the_oracle_puts_together_what_a_reference_is_made_of() -> None:
    sentences = ["the cat sat", "something else entirely", "a dog barked loudly", "nothing at all"]
    assert oracle(sentences, "the cat sat . a dog barked loudly", 20, ENGLISH) == [0, 2]


class Counting(English):
    """English words that note which texts are read."""

    def __init__(self) -> None:
        object.__setattr__(self, "read", [])

    def tokenize(self, text: str) -> list[str]:
        self.read.append(text)
        return super().tokenize(text)


def test_an_oracle_reads_each_sentence_once_however_many_it_takes() -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"word{i}" for i in range(5000)]
    sentences = [" ".join(rng.choice(vocabulary, 25)) for _ in range(50)]
    reference, words = " ".join(sentences[3:9]), Counting()
    assert oracle(sentences, reference, 6 * 25, words) == [3, 4, 5, 6, 7, 8]
    assert words.read == [*sentences, reference]


def test_budgets_count_what_the_words_of_the_text_are() -> None:
    sentences = ["我喜欢猫。", "他也喜欢狗。", "天气很好。"]
    assert lead(sentences, 9, UNICODE) == [0, 1]
    assert lead(sentences, 9, ENGLISH) == [0, 1, 2]  # spaces part none of them
    assert choose_sentences(np.array([0.0, 1.0, 2.0]), sentences, 9, UNICODE) == [1, 2]
    assert oracle(sentences, "天气好 我喜欢", 8, UNICODE) == [0, 2]
    assert oracle(sentences, "天气好 我喜欢", 8, ENGLISH) == []  # no letter of them is one of English


def test_a_sentence_of_no_word_takes_no_room_of_a_budget_of_unicode_words() -> None:
    assert choose_sentences(np.array([2.0, 1.0]), ["Да, да.", "…"], 2, UNICODE) == [0, 1]
