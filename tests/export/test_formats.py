"""Every format answers as the model that was trained, for every kind of method and many architectures."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import METHODS, TEXTS, exported, model_of, train
from peft import PeftModel
from tiny import FAMILIES, adapted, configuration, predicted
from transformers import AutoModel, pipeline

from study.core.errors import StudyError
from study.export import load
from study.export.formats import FORMATS, get
from study.export.job.trained import Trained
from study.methods.layers import surgery
from study.models import encoders

FITS = {
    "peft": {"lora", "keep", "dora", "pissa"},
    "merged": {"lora", "keep", "dora", "pissa", "drop", "full", "head"},
    "compressed": {"drop"},
    "onnx": {"lora", "keep", "dora", "pissa", "drop", "full", "head"},
}


# Writing ONNX takes seconds: one method that keeps weights and one that drops them stand for all.
TRIED = [
    pytest.param(n, m, marks=[pytest.mark.long] * ((n, m) == ("onnx", "keep")))
    for n in FORMATS
    for m in sorted(FITS[n])
    if n != "onnx" or m in ("keep", "drop")
]


@pytest.fixture(scope="module")
def berts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    folder = tmp_path_factory.mktemp("bert")
    return {method: train(model_of(folder, "bert"), method)[0] for method in METHODS}


@pytest.fixture(scope="module")
def made(berts: dict[str, Trained], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """The folder of a BERT of some method in some format, written once."""
    folder = tmp_path_factory.mktemp("exports")
    return cache(lambda name, method: exported(berts[method], name, folder / f"{name}-{method}"))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_exported_answers_as_the_engine_does(tmp_path: Path, method: str) -> None:
    trained, fit = train(model_of(tmp_path, "bert"), method)
    with trained.attach_layers() as attached:
        assert set(attached) == set(fit.pack.attached)
    surgery.reattach(fit.pack.backbone, fit.pack.attached)
    expected = predicted(fit, np.arange(len(TEXTS)))
    surgery.detach(fit.pack.backbone, fit.pack.attached)
    assert np.abs(trained.logits(TEXTS) - expected).max() < 1e-5
    assert np.ptp(expected) > 0.01  # it has learned to tell texts apart


@pytest.mark.parametrize(("name", "method"), TRIED)
def test_a_format_answers_as_the_trained_model(
    made: Callable[[str, str], Path], berts: dict[str, Trained], name: str, method: str
) -> None:
    model, expected = load(made(name, method)), berts[method].logits(TEXTS)
    assert np.abs(model.logits(TEXTS) - expected).max() < 1e-5
    assert model(TEXTS) == [("no", "yes")[i] for i in expected.argmax(1)]
    assert model.probabilities(TEXTS[0]).sum() == pytest.approx(1)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_refuses_the_methods_that_it_cannot_say_and_names_one_that_can(name: str) -> None:
    for method in METHODS:
        refusal = get(name).refusal(configuration(**METHODS[method]).method)
        assert (refusal is None) == (method in FITS[name])
        assert refusal is None or "format=" in refusal[1]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(kind, name, marks=[pytest.mark.long] * ((place + step) % 2))
        for place, kind in enumerate(FAMILIES)
        for step, name in enumerate(["peft", "merged"])
    ],
)
def test_adapters_and_merged_models_hold_for_every_architecture(tmp_path: Path, kind: str, name: str) -> None:
    trained, _ = train(model_of(tmp_path / "model", kind), "lora")
    folder = exported(trained, name, tmp_path / "export")
    assert np.abs(load(folder).logits(TEXTS) - trained.logits(TEXTS)).max() < 1e-5


@pytest.mark.parametrize("kind", ["distilbert", "albert", "gpt2", "t5", "bart", "llama"])
def test_thin_layers_hold_for_every_architecture(tmp_path: Path, kind: str) -> None:
    trained, _ = train(model_of(tmp_path / "model", kind), "drop")
    folder = exported(trained, "compressed", tmp_path / "export")
    assert np.abs(load(folder).logits(TEXTS) - trained.logits(TEXTS)).max() < 1e-5


@pytest.mark.long
@pytest.mark.parametrize(("kind", "pooling"), [("llama", "last"), ("albert", "pooler")])
def test_onnx_holds_for_other_architectures_and_poolings(tmp_path: Path, kind: str, pooling: str) -> None:
    trained, _ = train(model_of(tmp_path / "model", kind, pooling), "lora")
    folder = exported(trained, "onnx", tmp_path / "export")
    assert np.abs(load(folder).logits(TEXTS) - trained.logits(TEXTS)).max() < 1e-5


def test_peft_itself_loads_the_adapter_over_automodel(
    made: Callable[[str, str], Path], berts: dict[str, Trained]
) -> None:
    trained, folder = berts["keep"], made("peft", "keep")
    assert {f.name for f in folder.iterdir()} >= {"adapter_config.json", "adapter_model.safetensors"}
    adapted = PeftModel.from_pretrained(AutoModel.from_pretrained(trained.configuration.model.name), str(folder)).eval()
    ids = torch.arange(2, 12).view(2, 5)
    with trained.attach_layers(), torch.no_grad():
        expected = trained.backbone(input_ids=ids).last_hidden_state
        assert (adapted(input_ids=ids).last_hidden_state - expected).abs().max() < 1e-5
    assert (trained.backbone(input_ids=ids).last_hidden_state - expected).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["bert", "albert"])
def test_a_pooler_head_makes_a_classifier_of_transformers_own(tmp_path: Path, kind: str) -> None:
    trained, _ = train(model_of(tmp_path / "model", kind, "pooler"), "lora")
    folder = exported(trained, "merged", tmp_path / "export")
    assert not (folder / "head.safetensors").exists()
    classify = pipeline("text-classification", model=str(folder))
    expected = load(folder).probabilities(TEXTS[:4])
    for text, probabilities in zip(TEXTS[:4], expected, strict=True):
        (answer,) = classify(text, truncation=True, max_length=16)
        assert answer["label"] == ("no", "yes")[probabilities.argmax()]
        assert answer["score"] == pytest.approx(probabilities.max(), abs=1e-5)


def test_a_mean_head_does_not_fit_transformers_own_and_lies_apart(made: Callable[[str, str], Path]) -> None:
    assert (made("merged", "lora") / "head.safetensors").exists()


def test_thin_layers_are_smaller_files_and_as_many_numbers_as_the_study_counted(
    made: Callable[[str, str], Path], berts: dict[str, Trained]
) -> None:
    trained = berts["drop"]
    encoder = encoders.load(trained.configuration.model)
    method = trained.configuration.method
    head = trained.head.numel() + trained.bias.numel()
    counted = adapted(method, encoder.sites, encoder.layers, encoder.parameters).stored + head
    thin, whole = (made(name, "drop") for name in ("compressed", "merged"))
    assert get("compressed").parameters(thin) == counted
    assert (thin / "model.safetensors").stat().st_size < (whole / "model.safetensors").stat().st_size


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_study_in_low_precision_is_exported_in_float32_and_near_to_it(tmp_path: Path, method: str) -> None:
    trained, fit = train(replace(model_of(tmp_path / "model", "bert"), precision="bfloat16"), method)
    surgery.reattach(fit.pack.backbone, fit.pack.attached)
    low = predicted(fit, np.arange(len(TEXTS)))
    surgery.detach(fit.pack.backbone, fit.pack.attached)
    assert {p.dtype for p in trained.backbone.parameters()} == {torch.float32}
    assert np.abs(trained.logits(TEXTS) - low).max() < 0.1
    folder = exported(trained, "merged", tmp_path / "export")
    assert np.abs(load(folder).logits(TEXTS) - trained.logits(TEXTS)).max() < 1e-5


def test_an_adapter_over_other_weights_is_refused(tmp_path: Path) -> None:
    trained, _ = train(model_of(tmp_path / "model", "bert"), "lora")
    folder = exported(trained, "peft", tmp_path / "export")
    changed = {**trained.backbone.state_dict()}
    changed["pooler.dense.bias"] = changed["pooler.dense.bias"] + 1
    trained.backbone.save_pretrained(str(tmp_path / "model"), state_dict=changed)
    with pytest.raises(StudyError, match="belongs to other weights"):
        load(folder)


def test_a_folder_that_is_no_export_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"holds no lora_study\.json"):
        load(tmp_path)


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match=r"lora-study\[onnx\]"):
        get("onnx").require()


def in_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_onnx_export_is_loaded_without_torch_and_others_without_the_search(
    made: Callable[[str, str], Path], berts: dict[str, Trained]
) -> None:
    barred = {("onnx", "drop"): ("torch", "transformers"), ("peft", "keep"): ("optuna", "mlflow", "hydra")}
    for (name, method), without in barred.items():
        folder, expected = made(name, method), str(berts[method].logits(TEXTS).argmax(1).tolist())
        code = (
            f"import sys\nfor name in {(*without, 'omegaconf')}: sys.modules[name] = None\n"
            f"from study.export import load\n"
            f"print(load({str(folder)!r}).logits({TEXTS!r}).argmax(1).tolist())"
        )
        assert in_fresh_process(code) == expected
