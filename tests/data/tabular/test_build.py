"""Tables to examples: what is kept, what is counted, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from study.config.schema import TaskConfig
from study.core.errors import ConfigError, DataError
from study.data.examples import Documents, Pairs, Texts
from study.data.tabular.build import build, require_columns, wanted_columns
from study.data.tabular.table import Table
from study.text import summaries
from study.text.rouge import ENGLISH, UNICODE

CLASSES = TaskConfig(name="file", text="t", label="y")
DOCUMENTS = TaskConfig(name="file", kind="summarization", text="t", target="s")


def of(source: str = "task.path=t.csv", **columns: list[Any]) -> Table:
    return Table(source, columns, range(2, 2 + len(next(iter(columns.values())))))


def test_rows_without_a_text_are_left_out_and_counted_with_their_lines() -> None:
    texts = build(CLASSES, [of(t=["a", " ", "b", None, ""], y=[1, 2, 2, None, 3])])
    assert isinstance(texts, Texts)
    assert texts.texts == ("a", "b")
    assert texts.classes == ("1", "2")
    assert texts.notes == {
        "no text in task.path=t.csv": "3 dropped: lines 3, 5, 6",
        "label type": "numbers, 2 classes",
    }


def test_of_many_rows_the_first_are_named_and_the_others_counted() -> None:
    with pytest.raises(DataError, match=r"lines 2, 3, 4 and 7 more: has no label"):
        build(CLASSES, [of(t=["a"] * 10, y=[None] * 10)])


def test_two_columns_are_read_one_after_the_other() -> None:
    table = of(a=["one", "", "three"], b=["1", "2", None], y=[0, 1, 0])
    texts = build(TaskConfig(name="file", text="a+b", label="y"), [table])
    assert isinstance(texts, Texts)
    assert texts.texts == ("one\n1", "2", "three")
    assert {"a", "b", "y"} <= wanted_columns(TaskConfig(text="a+b", label="y"))


def test_a_column_whose_own_name_has_a_plus_is_that_column() -> None:
    texts = build(TaskConfig(name="file", text="a+b", label="y"), [of(**{"a+b": ["x", "z"], "y": [0, 1]})])
    assert isinstance(texts, Texts)
    assert texts.texts == ("x", "z")


def test_a_test_table_is_held_out_and_groups_are_text() -> None:
    config = TaskConfig(name="file", text="t", label="y", group="g")
    tables = [of(t=["a", "b"], y=[0, 1], g=[1, "x"]), of("task.test_path=u.csv", t=["c"], y=[1], g=[2])]
    texts = build(config, tables)
    assert texts.held is not None
    assert texts.groups is not None
    assert texts.held.tolist() == [False, False, True]
    assert texts.groups.tolist() == ["1", "x", "2"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"t": [1, "a"], "y": [0, 1]}, r"line 2: has 1 for a text \(task.text=t\)"),
        ({"t": ["", None], "y": [0, 1]}, "every other row has no text"),
        ({"t": ["a"], "z": [0]}, r"task.label=y: is no column of task.path=t.csv; choose among t, z"),
        ({"t": ["a"], "yy": [0]}, "choose yy, perhaps"),
    ],
)
def test_a_row_or_column_that_cannot_be_read_is_named(columns: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        build(CLASSES, [of(**columns)])


def test_ids_and_groups_are_there_and_ids_occur_once_in_all_tables() -> None:
    config = TaskConfig(name="file", text="t", label="y", id="i", group="g")
    good = {"t": ["a", "b"], "y": [0, 1], "g": ["u", "v"]}
    with pytest.raises(DataError, match=r"line 3: has the id 1, as line 2 of task.path=t.csv has"):
        build(config, [of(i=[1, "1"], **good)])
    with pytest.raises(DataError, match=r"task.test_path=u.csv, line 3: has the id 2, as line 3 of task.path=t.csv"):
        build(config, [of(i=[1, 2], **good), of("task.test_path=u.csv", i=[3, 2], **good)])
    with pytest.raises(DataError, match=r"line 3: has no id"):
        build(config, [of(i=[1, None], **good)])
    with pytest.raises(DataError, match=r"line 2: has no group \(task.group=g\)"):
        build(config, [of(i=[1, 2], **{**good, "g": ["", "v"]})])


@pytest.mark.parametrize("key", ["text", "label"])
def test_a_column_that_is_learned_from_must_be_given(key: str) -> None:
    with pytest.raises(ConfigError, match=f"task.{key}: is not given, and task=file learns from it"):
        require_columns(TaskConfig(name="file", **{"text": "t", "label": "y"} | {key: None}))


BODY = "The cat sat on the mat. Dr. Smith saw a dog. Nothing else was there.\n\nIt rained"


def test_documents_are_split_and_their_highlights_are_the_oracle() -> None:
    documents = build(DOCUMENTS, [of(t=[BODY, "One. Two."], s=["a dog was seen by Smith", "Nothing fits here"])])
    assert isinstance(documents, Documents)
    assert documents.sentences[0][-1] == "It rained"
    assert " ".join(documents.sentences[0]) == " ".join(BODY.split())
    for i, sentences in enumerate(documents.sentences):
        taken = summaries.oracle(sentences, documents.references[i], 1000, ENGLISH)
        assert [k for k, mark in enumerate(documents.highlights[i]) if mark] == taken
    assert documents.budget == 5  # of "Dr. Smith saw a dog.": the words that the search takes where it takes any
    assert documents.queries == ("", "")
    assert documents.metric == "rougeL"
    assert documents.notes["documents without a highlight"] == "1"


def test_a_budget_that_is_given_is_kept() -> None:
    columns = {"t": ["A cat sat. A cat sat here on its mat."], "s": ["a cat sat here on its mat"]}
    documents = {b: build(replace(DOCUMENTS, budget=b), [of(**columns)]) for b in (None, 3)}
    assert [d.highlights for d in documents.values() if isinstance(d, Documents)] == [((0, 1),), ((1, 0),)]
    assert [d.budget for d in documents.values() if isinstance(d, Documents)] == [7, 3]


WRITERS = replace(DOCUMENTS, kind="summarization_generate")


@pytest.mark.parametrize("config", [DOCUMENTS, WRITERS], ids=["documents", "pairs"])
@pytest.mark.parametrize("first", ["b", "кот спит"])
@pytest.mark.parametrize("target", ["", None, " … ", "«–»", "。", "\u0301", 5])
def test_a_target_that_rouge_cannot_read_is_refused(target: Any, first: str, config: TaskConfig) -> None:
    with pytest.raises(DataError, match=r"line 3: has no summary that ROUGE can read.*; fill it in, or delete the row"):
        build(config, [of(t=["A b.", "C d."], s=[first, target])])


@pytest.mark.parametrize("target", ["только кириллица", "أحب القطط", "我喜欢猫", "हिन्दी"])
def test_a_target_of_another_script_among_english_ones_is_refused_unless_it_is_to_be_read(target: str) -> None:
    table = of(t=["A b.", "C d."], s=["the cat sat on the mat " * 70, target])
    for rouge in (None, "auto", "english"):
        with pytest.raises(
            DataError, match=r"line 3: .*a to z, digits \(task.target=s\); write task.rouge=unicode for"
        ):
            build(replace(DOCUMENTS, rouge=rouge), [table])
    documents = build(replace(DOCUMENTS, rouge="unicode"), [table])
    assert isinstance(documents, Documents)
    assert documents.references[1] == target


# A document of three sentences, a summary that says the second, and how many words that sentence has.
FOREIGN = {
    "German": ("Der Hund bellt. Die Mäuse lösen Rätsel. Schön ist es.", "Mäuse lösen Rätsel", 4),
    "French": ("Le chien aboie. L’été a été chaud. Voilà.", "été chaud", 5),
    "Russian": ("Собака лает. Кошка сидит на окне. Идёт дождь.", "кошка на окне", 4),
    "Hindi": ("कुत्ता भौंकता है। बिल्ली खिड़की पर है। बारिश।", "बिल्ली खिड़की", 4),
    "Arabic": ("ينبح الكلب؟ القطة تجلس هنا؟ تمطر", "القطة هنا", 3),
    "Chinese": ("狗在叫。猫坐在窗上。下雨。", "猫在窗上", 5),
    "Japanese": ("犬が吠える。猫は窓にいる。雨です。", "猫は窓", 6),
}


@pytest.mark.parametrize("language", FOREIGN)
def test_documents_of_other_scripts_are_split_marked_and_counted_by_their_own_words(language: str) -> None:
    text, target, size = FOREIGN[language]
    documents = build(DOCUMENTS, [of(t=[text], s=[target])])
    assert isinstance(documents, Documents)
    assert documents.words == UNICODE
    assert documents.highlights == ((0, 1, 0),)
    assert documents.budget == size
    assert documents.notes["rouge"] == UNICODE.description
    pairs = build(WRITERS, [of(t=[text], s=[target])])
    assert isinstance(pairs, Pairs)
    assert pairs.words == UNICODE
    assert pairs.longest == 2 * UNICODE.count(target)
    assert pairs.notes["rouge"] == UNICODE.description


def test_words_are_chosen_by_all_references_together_and_kept_by_every_part() -> None:
    tables = [of(t=["A b.", "C d."], s=["b"] * 2), of("task.test_path=u.csv", t=["E"], s=["ещё одна"])]
    documents = build(DOCUMENTS, tables)
    assert isinstance(documents, Documents)
    assert documents.words == documents.take(np.array([0])).words == UNICODE


def test_english_summaries_with_a_few_other_letters_stay_english_and_it_is_said() -> None:
    documents = build(DOCUMENTS, [of(t=["A café. A bar."], s=["a café " + "and a bar " * 66])])
    assert isinstance(documents, Documents)
    assert documents.words == ENGLISH
    assert documents.notes["rouge"].endswith("which cut 1 of the references' 200 words at other letters")


def test_pairs_leave_room_for_nearly_every_target() -> None:
    config = TaskConfig(kind="summarization_generate", text="t", target="s", prefix="summarize: ")
    pairs = build(config, [of(t=["A b.", "C d."], s=["one two three", "one two three"])])
    assert isinstance(pairs, Pairs)
    assert (pairs.longest, pairs.prefix, pairs.suffix) == (6, "summarize: ", "")
    assert pairs.targets == ("one two three",) * 2


def test_groups_and_ids_that_say_the_same_are_the_same() -> None:
    config = TaskConfig(name="file", text="t", label="y", group="g")
    texts = build(config, [of(t=["a", "b", "c", "d"], y=[0, 1, 0, 1], g=["P4", "P4 ", "\u00a0P4", "P5"])])
    assert texts.groups is not None
    assert texts.groups.tolist() == ["P4", "P4", "P4", "P5"]
    texts = build(config, [of(t=["a", "b", "c"], y=[0, 1, 0], g=["1", 1.0, "1.0"])])
    assert texts.groups is not None
    assert texts.groups.tolist() == ["1", "1", "1"]
    with pytest.raises(DataError, match="line 3: has the id 1, as line 2"):
        build(replace(config, group=None, id="i"), [of(t=["a", "b"], y=[0, 1], i=[1, 1.0])])
