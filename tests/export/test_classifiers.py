"""PEFT and transformers load an export as their own classifier, wherever that has a place for the study's head."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import TEXTS, exported, model_of, train
from hypothesis import example, given, settings
from hypothesis import strategies as st
from peft import AutoPeftModelForSequenceClassification, PeftModel
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline

from study.export import load
from study.export.formats import get
from study.export.job import card
from study.export.job.trained import Trained
from study.export.runtime import sequence
from study.export.runtime.manifest import Manifest

PLACED = [
    ("bert", "cls"), ("bert", "pooler"), ("roberta", "cls"), ("roberta", "pooler"), ("distilbert", "cls"),
    ("albert", "cls"), ("albert", "pooler"), ("mpnet", "cls"), ("mpnet", "pooler"), ("electra", "cls"),
    ("deberta-v2", "cls"),
]  # fmt: skip
WITHOUT = [("bert", "mean"), ("distilbert", "mean"), ("modernbert", "cls"), ("llama", "last"), ("gpt2", "last")]


def lora(folder: Path, kind: str, pooling: str, method: str = "lora") -> Trained:
    return train(model_of(folder, kind, pooling), method)[0]


def logits(model: torch.nn.Module, folder: Path) -> np.ndarray:
    """Of TEXTS, with the tokenizer and the model as others load them."""
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    batch = tokenizer(list(TEXTS), truncation=True, max_length=16, padding=True, return_tensors="pt")
    with torch.no_grad():
        return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.numpy()


@pytest.mark.parametrize(("kind", "pooling"), PLACED)
def test_peft_loads_it_over_a_classifier_and_over_the_backbone(tmp_path: Path, kind: str, pooling: str) -> None:
    trained = lora(tmp_path / "model", kind, pooling)
    expected, name = trained.logits(TEXTS), trained.configuration.model.name
    folder = exported(trained, "peft", tmp_path / "export")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*(missing|unexpected|not initialized|keys).*")
        base = AutoModelForSequenceClassification.from_pretrained(name, num_labels=2)
        assert np.abs(logits(PeftModel.from_pretrained(base, str(folder)), folder) - expected).max() < 1e-4
        whole = AutoPeftModelForSequenceClassification.from_pretrained(str(folder), num_labels=2)
        assert np.abs(logits(whole.eval(), folder) - expected).max() < 1e-4
        adapted = PeftModel.from_pretrained(AutoModel.from_pretrained(name), str(folder))
        assert np.abs(load(folder).logits(TEXTS) - expected).max() < 1e-5
    ids = torch.arange(2, 12).view(2, 5)
    with trained.attach_layers(), torch.no_grad():
        hidden = trained.backbone(input_ids=ids).last_hidden_state
        assert (adapted(input_ids=ids).last_hidden_state - hidden).abs().max() < 1e-5


@pytest.mark.parametrize(("kind", "pooling"), PLACED)
def test_a_merged_model_is_a_classifier_of_transformers_own(tmp_path: Path, kind: str, pooling: str) -> None:
    trained = lora(tmp_path / "model", kind, pooling)
    folder = exported(trained, "merged", tmp_path / "export")
    assert not (folder / "head.safetensors").exists()
    classifier = AutoModelForSequenceClassification.from_pretrained(str(folder))
    assert np.abs(logits(classifier, folder) - trained.logits(TEXTS)).max() < 1e-4
    (answer,) = pipeline("text-classification", model=str(folder))(TEXTS[0])
    assert answer["label"] == load(folder)(TEXTS[0])[0]


@pytest.mark.parametrize(("kind", "pooling"), WITHOUT)
def test_without_a_place_for_the_head_the_card_says_so_and_peft_stops_instead_of_loading_zeros(
    tmp_path: Path, kind: str, pooling: str
) -> None:
    trained = lora(tmp_path / "model", kind, pooling)
    folder = exported(trained, "peft", tmp_path / "export")
    said, code = get("peft").also(folder, "x", Manifest.read(folder), "a")
    assert f"has no place for this head (model.pooling={pooling})" in said
    assert code == ""
    base = AutoModelForSequenceClassification.from_pretrained(trained.configuration.model.name, num_labels=2)
    with pytest.raises(KeyError, match=r"classifier|score"):
        PeftModel.from_pretrained(base, str(folder))
    assert np.abs(load(folder).logits(TEXTS) - trained.logits(TEXTS)).max() < 1e-5


@pytest.mark.parametrize(("kind", "pooling"), [("bert", "pooler"), ("distilbert", "cls"), ("roberta", "cls")])
def test_both_ways_of_the_card_give_the_studys_logits(tmp_path: Path, kind: str, pooling: str) -> None:
    trained = lora(tmp_path / "model", kind, pooling)
    folder = exported(trained, "peft", tmp_path / "export")
    ways = card._ways(folder, folder, get("peft"), Manifest.read(folder))
    codes = [ways["without"], ways["other"]]
    assert ["AutoModelForSequenceClassification" in code for code in codes] == [False, True]
    for code in codes:
        names: dict[str, torch.Tensor] = {}
        exec(code, names)
        expected = trained.logits([card.EXAMPLE])
        assert np.abs(names["logits"].detach().numpy() - expected).max() < 1e-4


def test_an_adapter_under_two_names_is_counted_once(tmp_path: Path) -> None:
    trained = lora(tmp_path / "model", "distilbert", "cls")
    folder = exported(trained, "peft", tmp_path / "export")
    adapter = sum(start.down.numel() + start.up.numel() for start in trained.starts.values())
    assert get("peft").parameters(folder) == adapter + trained.head.numel() + trained.bias.numel()


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Trained]:
    folder = tmp_path_factory.mktemp("families")
    kinds = [kind for kind, pooling in PLACED if pooling == "cls"]
    return cache(lambda which: lora(folder / kinds[which], kinds[which], "cls"))  # no list, which hypothesis would show


@pytest.mark.long
@settings(max_examples=40)
@example(0, 8, 100.0, 0)
@given(st.integers(0, 6), st.integers(2, 8), st.floats(0.01, 100.0), st.integers(0, 1000))
def test_a_classifier_answers_as_the_head_for_any_head_that_it_has_room_for(
    families: Callable[[int], Trained], which: int, classes: int, size: float, seed: int
) -> None:
    trained = families(which)
    draw = torch.Generator().manual_seed(seed)
    weight = size * torch.randn(classes, 16, generator=draw)
    names = tuple(map(str, range(classes)))
    other = replace(trained, head=weight, bias=size * torch.randn(classes, generator=draw), classes=names)
    made = sequence.classifier(other.backbone, other)
    assert made is not None
    ids = torch.arange(2, 22).view(4, 5)
    with torch.no_grad():
        wanted = other.logits_module(other.backbone)(ids, torch.ones_like(ids))
        gap = (made.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits - wanted).abs().max()
    assert gap <= 1e-4 * max(1.0, float(wanted.abs().max()))


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
@pytest.mark.parametrize("method", ["dora", "pissa"])
def test_lengths_and_doubled_factors_are_loaded_by_peft_over_the_backbone(
    tmp_path: Path, kind: str, method: str
) -> None:
    trained = lora(tmp_path / "model", kind, "last" if kind == "gpt2" else "mean", method)
    folder = exported(trained, "peft", tmp_path / "export")
    assert np.abs(load(folder).logits(TEXTS) - trained.logits(TEXTS)).max() < 1e-5
    base = AutoModel.from_pretrained(trained.configuration.model.name)
    ids = torch.arange(2, 12).view(2, 5)
    with trained.attach_layers(), torch.no_grad():
        hidden = trained.backbone(input_ids=ids).last_hidden_state
        other = PeftModel.from_pretrained(base, str(folder)).eval()(input_ids=ids).last_hidden_state
    assert torch.allclose(hidden, other, atol=1e-5)
