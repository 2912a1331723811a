"""What ROUGE (Lin 2004) calls a word, chosen once for a study, and its scores."""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

ROUGE = ("rouge1", "rouge2", "rougeL")
# Above this share of words with a letter or digit that English lacks, references are scored by Unicode. Measured:
# English has 0 to 0.15 % of them (ACLSum, BBC news, film reviews; the café, the naïve, Greek letters), Italian 3.3 %,
# German 9 %, French 14 %, other scripts nearly all (translated messages of GNU programs). Up to here the English words
# are cut in one place of a hundred at most, and scores stay comparable with published ones.
FOREIGN = 0.01


class Words(ABC):
    """What a word is, for ROUGE and for budgets. Guarantees: no state, so that a copy in a worker counts the same."""

    name: ClassVar[str]
    description: ClassVar[str]
    alphabet: ClassVar[str]  # what a word is made of

    @abstractmethod
    def tokenize(self, text: str) -> list[str]:
        """The words that ROUGE compares, in order; the library calls this."""

    @abstractmethod
    def count(self, text: str) -> int:
        """How many words a text has, as budgets count them."""


@dataclass(frozen=True)
class English(Words):
    """The words of the library rouge-score with its stemmer; budgets count what spaces part."""

    name: ClassVar[str] = "english"
    description: ClassVar[str] = "words of a to z and digits, stemmed (rouge-score)"
    alphabet: ClassVar[str] = "a to z, digits"

    def tokenize(self, text: str) -> list[str]:
        from rouge_score.tokenize import tokenize

        return tokenize(text, _Stemmer())  # type: ignore[no-any-return]

    def count(self, text: str) -> int:
        return len(text.split())


@dataclass(frozen=True)
class Unicode(Words):
    """Runs of letters, their marks and digits of any script, not stemmed; all else parts words, as in English.

    Compared without case, in one normal form and without what is not seen (NFKC_Casefold of the Unicode Standard,
    section 3.13), so that soft hyphens and joiners part nothing. Of scripts that put no spaces between words (Chinese,
    Japanese, Thai, Lao, Khmer, Burmese) each character with its marks is a word, as is usual for ROUGE.
    """

    name: ClassVar[str] = "unicode"
    description: ClassVar[str] = "words of any script (Unicode), not stemmed"
    alphabet: ClassVar[str] = "a letter or digit of any script"

    def tokenize(self, text: str) -> list[str]:
        word, unseen = _patterns()
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        return word.findall(unseen.sub("", folded))  # type: ignore[no-any-return]

    def count(self, text: str) -> int:
        return len(self.tokenize(text))


ENGLISH, UNICODE = English(), Unicode()
WORDS: dict[str, Words] = {words.name: words for words in (ENGLISH, UNICODE)}


def pick(choice: str | None, references: Iterable[str]) -> tuple[Words, str]:
    """The words by which a study's references are scored, as `task.rouge` says, and a note that says which.

    None or auto decides by the references: Unicode where more than FOREIGN of their words hold a letter or digit
    beyond a to z and 0 to 9. Quotation marks and dashes are neither, and a ligature such as ﬁ is f and i.
    """
    count = foreign = 0
    for reference in references:
        tokens = UNICODE.tokenize(reference)
        count += len(tokens)
        foreign += sum(not word.isascii() for word in tokens)
    words = WORDS.get(choice or "auto", UNICODE if foreign > FOREIGN * count else ENGLISH)
    if words == UNICODE or not foreign:
        return words, words.description
    return words, f"{words.description}, which cut {foreign:,} of the references' {count:,} words at other letters"


def f1(texts: Sequence[str], references: Sequence[str], words: Words) -> dict[str, np.ndarray]:
    """ROUGE-1, ROUGE-2 and ROUGE-L F1 [n] of each text against its reference, by the library rouge-score.

    ROUGE-L takes a text as one sentence.
    """
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE), tokenizer=words)
    scores = [scorer.score(r, t) for t, r in zip(texts, references, strict=True)]
    return {name: np.array([s[name].fmeasure for s in scores]) for name in ROUGE}


@lru_cache(maxsize=1)
def _patterns() -> tuple[Any, Any]:
    """What a word is in folded text, and what is not seen of it; a zero-width space is kept, since it parts words."""
    import regex

    scripts = "".join(rf"\p{{scx={s}}}" for s in ("Han", "Hira", "Kana", "Bopo", "Thai", "Laoo", "Khmr", "Mymr"))
    alone = rf"[[{scripts}]&&[\p{{L}}\p{{Nl}}]]"
    word = rf"{alone}\p{{M}}*|[[\p{{L}}\p{{N}}]--{alone}][[\p{{L}}\p{{M}}\p{{N}}]--{alone}]*"
    return regex.compile(word, regex.V1), regex.compile(r"[\p{Default_Ignorable_Code_Point}--\u200b]", regex.V1)


class _Stemmer:
    """Porter's stemmer with a memory: stemming takes most of the time of ROUGE."""

    def stem(self, word: str) -> str:
        return _stem(word)


@lru_cache(maxsize=1 << 17)
def _stem(word: str) -> str:
    return str(_porter().stem(word))


@lru_cache(maxsize=1)
def _porter() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()
