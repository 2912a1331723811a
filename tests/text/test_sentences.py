"""Sentences by a splitter that has learned from the texts at hand."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.text.sentences import splitter

TEXT = "Dr. Smith met Mrs. Jones at 3.30 p.m. yesterday. They spoke of e.g. the weather. "


@given(st.lists(st.text(max_size=60), max_size=4), st.text(max_size=120))
def test_no_character_is_lost_and_no_sentence_empty(texts: list[str], text: str) -> None:
    sentences = splitter(texts)(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(sentence.strip() for sentence in sentences)


def test_abbreviations_are_learned_from_the_texts() -> None:
    learned = splitter([TEXT.replace("Smith", name) for name in ("Smith", "Brown", "White", "Green") for _ in range(9)])
    assert learned("We saw Dr. Black. He left.") == ("We saw Dr. Black.", "He left.")


def test_a_blank_line_ends_a_sentence() -> None:
    assert splitter([])("A title\n\nIt begins\nhere. And ends.") == ("A title", "It begins here.", "And ends.")


@pytest.mark.long
def test_sentences_do_not_depend_on_the_order_of_sets() -> None:
    code = (
        "from study.text.sentences import splitter\n"
        f"text = {TEXT!r} * 5 + 'A. Z. Milne et al. wrote No. 5 cf. p. 3. It was fig. 2.'\n"
        "print(splitter([text] * 3)(text))"
    )
    environments = [{"PYTHONHASHSEED": str(seed), "PYTHONPATH": ":".join(sys.path)} for seed in (0, 1, 2)]
    run = [subprocess.run([sys.executable, "-c", code], env=e, capture_output=True, check=True) for e in environments]
    assert len({done.stdout for done in run}) == 1


# Texts of other scripts, whose ends of sentences no space follows or Punkt does not know.
SENTENCES = {
    "Chinese": ("我喜欢猫。你呢？真的！好", ("我喜欢猫。", "你呢？", "真的！", "好")),
    "Chinese, quoted": ("他说：“好。”然后走了……再见。", ("他说：“好。”", "然后走了……再见。")),
    "Chinese, quoted in ASCII": ('他说:"好。" 然后走了。', ('他说:"好。"', "然后走了。")),
    "Japanese": ("「行くの！？」と聞いた。はい｡", ("「行くの！？」", "と聞いた。", "はい｡")),
    "Japanese, with full-width stops": (
        "円周率は３．１４である．次へ進む．",
        ("円周率は３．１４である．", "次へ進む．"),
    ),
    "Hindi": ("मैं हूँ। तुम हो॥ ठीक", ("मैं हूँ।", "तुम हो॥", "ठीक")),
    "Arabic": ("كيف حالك؟ أنا بخير. وأنت؟!", ("كيف حالك؟", "أنا بخير.", "وأنت؟!")),
    "Urdu": ("میں ہوں۔ تم ہو۔", ("میں ہوں۔", "تم ہو۔")),
    "Amharic": ("ሰላም ነው። ደህና ነኝ።", ("ሰላም ነው።", "ደህና ነኝ።")),
    "Armenian": ("Ես եմ։ Դու ես։", ("Ես եմ։", "Դու ես։")),
    "Burmese": ("ကောင်းတယ်။ သွားမယ်။", ("ကောင်းတယ်။", "သွားမယ်။")),
    "Khmer": ("ខ្ញុំស្រលាញ់ឆ្មា។ អ្នកវិញ។", ("ខ្ញុំស្រលាញ់ឆ្មា។", "អ្នកវិញ។")),
    "Russian": ("Кот спит. Собака лает! А ты?", ("Кот спит.", "Собака лает!", "А ты?")),
    "German": ("Das Öl ist alle. Äpfel gibt es.", ("Das Öl ist alle.", "Äpfel gibt es.")),
}


@pytest.mark.parametrize("language", SENTENCES)
def test_other_scripts_end_sentences_with_marks_of_their_own(language: str) -> None:
    text, sentences = SENTENCES[language]
    assert splitter([text] * 3)(text) == sentences
    assert splitter([])(f"{text}\n\n{text}") == sentences * 2


english = st.text(st.sampled_from("aB ?!.,\"'()”“’‘–…‼‽⁉\n"), max_size=60)


@given(st.lists(english, max_size=3), english)
def test_english_text_is_split_as_punkt_alone_does(texts: list[str], text: str) -> None:
    from nltk.tokenize.punkt import PunktSentenceTokenizer, PunktTrainer

    trainer = PunktTrainer()
    for learned in texts:
        trainer.train(learned, finalize=False)
    punkt = PunktSentenceTokenizer(trainer.get_params())
    expected = [" ".join(s.split()) for p in re.split(r"\n\s*\n", text) for s in punkt.tokenize(p)]
    assert splitter(texts)(text) == tuple(s for s in expected if s)
