"""The card says what the model does, what it was trained on and what bounds it, whatever its kind."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from study.export.formats import get
from study.export.job.card import render
from study.export.job.evidence import Difference, Evidence
from study.export.runtime.frame import CHOOSE, CLASSIFY, WRITE, Frame
from study.export.runtime.manifest import Manifest

EVIDENCE = Evidence(
    study="on: [it]", trial=7, label="lora | r8", task="sentiment", metric="accuracy", classes=("bad", "fair", "good"),
    data_fingerprint="d1", folds_fingerprint="f1", examples=12345, test_examples=1500,
    settings={"method.kind": "factorized", "model.precision": "bfloat16"}, figures={"score": 0.5},
    folds=(0.25, 0.75), differences=(Difference("a|b\nc", 3, 0.5, 0.125, *[math.nan] * 4),), test_score=0.875,
    within=0.75, tolerance=0.005,
    lost={"layer.0": 0.25, "layer.1": 0.75}, notes={},
)  # fmt: skip


FRAMES = {CLASSIFY: Frame(64, 0), WRITE: Frame(64, 0, new=9), CHOOSE: Frame(64, 0, budget=40)}


def card(kind: str = CLASSIFY, data: str = "searched", evidence: Evidence = EVIDENCE, base: str = "org/base") -> str:
    manifest = Manifest(
        format="merged", study=evidence.study, trial=7, data=data, model=base, fingerprint="b1", random_weights=False,
        pooling="mean", classes=evidence.classes, frame=FRAMES[kind], libraries=(),
        members=("fold-0",),
    )  # fmt: skip
    return render(Path("x"), Path("x"), evidence, get("merged"), manifest, {"max_difference": 1e-7, "bytes": 4096})


@pytest.mark.parametrize(
    ("kind", "said", "limit"),
    [
        (CLASSIFY, "Classifies a text as bad, fair or good. Base model", "It knows 3 classes and answers one of them"),
        (WRITE, "Writes a text for a text (sentiment). Base model", "It writes at most 9 tokens"),
        (CHOOSE, "Chooses sentences of a document", "A summary has at most 40 words"),
    ],
)
def test_each_kind_of_model_is_described_with_its_limit(kind: str, said: str, limit: str) -> None:
    text = card(kind)
    assert f"\n\n{said}" in text
    assert f"- Texts are cut at 64 tokens. {limit}" in text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("searched", "all examples that the search has seen (12,345), with"),
        ("all", "every example, the 1,500 held-out ones included"),
        ("ensemble", "The models of the study's folds as they were"),
    ],
)
def test_each_choice_of_training_data_is_told(data: str, said: str) -> None:
    assert said in card(data=data)


def test_what_the_hub_reads_survives_any_name() -> None:
    data = ModelCard(card()).data
    assert data.model_name == "on: [it] trial 7"
    assert data.base_model == "org/base"
    assert [(r.metric_type, r.metric_value, r.dataset_type) for r in data.eval_results] == [
        ("accuracy", 0.875, "sentiment")
    ]
    assert ModelCard(card(evidence=replace(EVIDENCE, test_score=None))).data.eval_results is None
    assert ModelCard(card(base=str(Path(__file__).parent))).data.base_model is None


def test_tables_hold_a_cell_with_a_bar_and_leave_out_what_is_not_known() -> None:
    text = card()
    assert "| a\\|b c | 3 | 0.5000 | +0.1250 | – | – |\n" in text
    assert "| stored bytes | 4,096 |\n" in text
    assert "latency, median" not in text


def test_what_products_of_thin_matrices_lose_and_another_precision_are_limits() -> None:
    text = card()
    assert "leaves out 50% of a weight's norm on average, and 75% at layer.1;" in text
    assert "- The study trained in bfloat16; this export is float32." in text


def test_how_probably_it_is_near_the_best_is_said_where_that_is_known() -> None:
    assert "- within 0.005 of the best configuration of the study with probability 0.75\n" in card()
    assert "of the best configuration" not in card(evidence=replace(EVIDENCE, within=math.nan))


NASTY = (
    "<script>alert(1)</script>",
    "[l](javascript:x)",
    "a|b",
    "`c` **d** _e_",
    r"\[f](g)",
    "![h](http://evil/i.png)",
    "&lt;",
)


class Page(HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.elements.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_name_in_a_card_is_text_and_its_code_is_python_that_names_the_folder() -> None:
    every = " ".join(NASTY)
    evidence = replace(
        EVIDENCE, study=every, label=every, task=every, classes=NASTY, notes={n: n for n in NASTY}, lost={every: 0.5},
        settings={"method.kind": every, "model.precision": every},
    )  # fmt: skip
    place = Path("out \"q\" \\ 's' {x} é\n```")
    manifest = Manifest("merged", every, 7, "searched", every, "b1", False, "mean", NASTY, FRAMES[CLASSIFY], ())
    text = render(Path("x"), place, evidence, get("merged"), manifest, {"max_difference": 1e-7})
    assert ModelCard(text).data.model_name == f"{every} trial 7"
    page = Page(MarkdownIt("commonmark").enable("table").render(text.split("---\n", 2)[2]))
    assert not page.elements & {"a", "img", "script", "em", "hr"}
    assert [name for name in NASTY if name not in page.text] == []
    blocks = re.findall(r"^```python\n(.*?)^```$", text, flags=re.M | re.S)
    names = {node.value for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Constant)}
    assert len(blocks) == 2
    assert place.absolute().as_posix() in names
