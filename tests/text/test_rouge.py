"""What ROUGE calls a word: English as the library has it, other scripts by Unicode, chosen by the references."""

from __future__ import annotations

import pickle
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.text.rouge import ENGLISH, FOREIGN, ROUGE, UNICODE, WORDS, Words, f1, pick

ascii_text = st.text(st.characters(max_codepoint=127), max_size=60)
ENGLISH_TEXT = "The runners of Paris ran 10 miles, and nobody saw them running home again."
# A text of each language, and its words.
LANGUAGES = {
    "German": ("Äpfel und Öl: STRASSE, Straße", ["äpfel", "und", "öl", "strasse", "strasse"]),
    "French": ("L’été, où ça? Là-bas", ["l", "été", "où", "ça", "là", "bas"]),
    "Czech": ("Příliš žluťoučký kůň", ["příliš", "žluťoučký", "kůň"]),
    "Turkish": ("Iğdır, İzmir", ["iğdır", "i̇zmir"]),
    "Vietnamese": ("Tiếng Việt", ["tiếng", "việt"]),
    "Russian": ("Привет, мир! Ёлка-2", ["привет", "мир", "ёлка", "2"]),
    "Greek": ("ΟΔΟΣ οδος", ["οδοσ", "οδοσ"]),
    "Hindi": ("हिन्दी में किताबें।", ["हिन्दी", "में", "किताबें"]),
    "Tamil": ("தமிழ் மொழி", ["தமிழ்", "மொழி"]),
    "Arabic": ("مُحَمَّد، كِتاب؟", ["مُحَمَّد", "كِتاب"]),
    "Persian": ("می\u200cخواهم ۱۲", ["میخواهم", "۱۲"]),
    "Hebrew": ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
    "Korean": ("한국어를 배웁니다.", ["한국어를", "배웁니다"]),
    "Chinese": ("我喜欢iPhone手机，2020年。", ["我", "喜", "欢", "iphone", "手", "机", "2020", "年"]),
    "Japanese": ("東京タワーが々", ["東", "京", "タ", "ワ", "ー", "が", "々"]),
    "Thai": ("ที่นี่ดี", ["ที่", "นี่", "ดี"]),
    "Khmer": ("ភាសា", ["ភា", "សា"]),
    "Lao": ("ດີ", ["ດີ"]),
    "Burmese": ("မြန်မာ", ["မြ", "န်", "မာ"]),
}
SCRIPTS = "".join(text for text, _ in LANGUAGES.values())
any_text = st.text(st.one_of(st.sampled_from(SCRIPTS), st.characters()), max_size=40)


def composed(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_a_language_are_whole_and_choose_unicode(language: str) -> None:
    text, words = LANGUAGES[language]
    assert UNICODE.tokenize(text) == [composed(word) for word in words]
    assert UNICODE.count(text) == len(words)
    assert pick(None, [text]) == pick("auto", [text]) == (UNICODE, UNICODE.description)
    assert f1([text], [text], UNICODE)["rougeL"].tolist() == [1]
    assert f1([" ".join(reversed(words))], [text], UNICODE)["rouge1"].tolist() == pytest.approx([1])


def test_a_word_that_shares_its_fragments_with_another_is_another() -> None:
    texts, references = ["mühe lösen"], ["muehe m he l sen"]
    assert f1(texts, references, ENGLISH)["rouge1"][0] > 0.8  # m, he, l, sen
    assert f1(texts, references, UNICODE)["rouge1"][0] == 0


@pytest.mark.parametrize(
    "reference",
    [
        ENGLISH_TEXT,
        "“Typographic” quotes ‘of all’ kinds – en dash — em dash … and a • bullet, 5 € or 3 × 4 °",
        "A ligature of a PDF: ﬁnd the ﬂow of ofﬁces; ｆｕｌｌ width, x², ½ and ™",
        "soft\u00adhyphens, no\u200bbreak\ufeff and an emoji ❤️ or 👩‍🔬",
        "",
        " … ",
    ],
)
def test_what_is_no_other_letter_stays_english(reference: str) -> None:
    assert pick(None, [reference]) == (ENGLISH, ENGLISH.description)


@pytest.mark.parametrize("word", ["café", "Müller", "β", "мир", "猫", "٣"])
def test_a_few_words_of_other_letters_stay_english_and_are_counted_and_more_do_not(word: str) -> None:
    count = round(1 / FOREIGN)
    few, many = [word, *["word"] * (count - 1)], [word, *["word"] * (count - 2)]
    assert pick(None, few) == pick(None, [" ".join(few)])
    words, said = pick(None, few)
    assert words == ENGLISH
    assert said == f"{ENGLISH.description}, which cut 1 of the references' {count} words at other letters"
    assert pick(None, many) == (UNICODE, UNICODE.description)


def test_what_is_chosen_by_a_person_is_taken_and_what_it_cuts_is_said() -> None:
    assert pick("unicode", [ENGLISH_TEXT]) == (UNICODE, UNICODE.description)
    words, said = pick("english", ["Äpfel und Öl"])
    assert words == ENGLISH
    assert said.endswith("which cut 2 of the references' 3 words at other letters")


@given(st.lists(st.tuples(ascii_text, ascii_text), min_size=1, max_size=4), st.sampled_from([None, "auto", "english"]))
def test_ascii_text_is_scored_as_the_library_does_to_the_last_bit(
    pairs: list[tuple[str, str]], choice: str | None
) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    texts, references = zip(*pairs, strict=True)
    words, said = pick(choice, references)
    assert (words, said) == (ENGLISH, ENGLISH.description)
    scores, scorer = f1(texts, references, words), RougeScorer(list(ROUGE), use_stemmer=True)
    for name in ROUGE:
        assert scores[name].tolist() == [scorer.score(r, t)[name].fmeasure for t, r in pairs]


def test_english_words_are_stemmed_and_unicode_words_are_not() -> None:
    texts, references = ["The runner is running to the houses."], ["A runner runs to a house"]
    assert f1(texts, references, ENGLISH)["rouge1"][0] > 0.5
    assert f1(texts, references, UNICODE)["rouge1"][0] == pytest.approx(2 * 2 / 13)


def test_rouge_l_hears_the_order_of_words() -> None:
    for words in WORDS.values():
        scores = f1(["a b c d", "d c b a"], ["a b c d", "a b c d"], words)
        assert scores["rouge1"].tolist() == [1, 1]
        assert scores["rougeL"].tolist() == [1, 0.25]


@given(any_text)
def test_unicode_words_are_the_same_in_every_normal_form_and_case_and_for_ever(text: str) -> None:
    words = UNICODE.tokenize(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert UNICODE.tokenize(unicodedata.normalize(form, text)) == words
    assert UNICODE.tokenize(text.casefold()) == words
    assert UNICODE.tokenize(" ".join(words)) == words
    assert UNICODE.count(text) == len(words)


@given(any_text)
def test_every_letter_and_digit_is_in_a_word_and_a_text_with_one_is_like_itself(text: str) -> None:
    import regex

    folded = composed(composed(text).casefold())
    visible = regex.sub(r"\p{Default_Ignorable_Code_Point}", "", folded)
    letter = regex.compile(r"[\p{L}\p{N}]")  # by one version of Unicode: Python's own may be older
    letters = letter.findall(visible)
    words = UNICODE.tokenize(text)
    assert letter.findall("".join(words)) == letters
    scores = f1([text], [text], UNICODE)
    assert scores["rouge1"].tolist() == scores["rougeL"].tolist() == [1 if letters else 0]


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
@given(any_text, any_text)
def test_words_have_no_state_and_a_copy_in_a_worker_reads_the_same(words: Words, text: str, other: str) -> None:
    copy = pickle.loads(pickle.dumps(words))
    assert copy == words
    assert copy.tokenize(text) == words.tokenize(text)
    assert words.tokenize(f"{text} . {other}") == words.tokenize(text) + words.tokenize(other)
    assert words.count(f"{text} . {other}") - words.count(text) - words.count(other) in (0, 1)
    assert WORDS[words.name] == words
