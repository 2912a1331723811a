"""Models that write are exported as adapters, merged and with thin layers, and write what the engine's would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import exported
from tiny import configuration, member_of, save_writer

from study.config.schema import ModelConfig
from study.core.records import Fold
from study.data.examples import Pairs
from study.engine.fit import Fit
from study.engine.problems.pairs import Generate
from study.engine.workbench import StudyData, Workbench
from study.export import load
from study.export.formats import get
from study.export.job.retrain import of_fit
from study.export.job.trained import Trained
from study.methods.layers import surgery

METHODS = {
    "peft": {"kind": "lora", "targets": "all-linear"},
    "merged": {"kind": "factorized", "targets": "ffn"},
    "compressed": {"kind": "factorized", "residual": "drop", "targets": "ffn", "rank": 3},
}


def copies(count: int = 24) -> Pairs:
    """Two to nine letters, to be written again; the longest are cut."""
    rng = np.random.default_rng(0)
    texts = tuple(" ".join(rng.choice(list("abcdef"), rng.integers(2, 10))) for _ in range(count))
    return Pairs(texts, texts, longest=6, prefix="y", suffix="z", metric="rougeL")


def trained(folder: Path, kind: str, method: dict[str, object]) -> tuple[Trained, list[str]]:
    """A model that has learned to copy a little, and what the engine writes with it for every source."""
    model = ModelConfig(str(save_writer(folder, kind)), max_length=10)
    everything = np.arange(24)
    bench = Workbench(StudyData(copies(), (Fold(0, everything, everything[:8]),)), torch.device("cpu"))
    fit = Fit([member_of(0, 0, replace(configuration(lr=2e-2, epochs=4, **method), model=model), 5, bench)], bench)
    fit.run()
    surgery.reattach(fit.pack.backbone, fit.pack.attached)
    assert isinstance(fit.problem, Generate)
    wrote = fit.problem.write(fit.pack, everything)
    surgery.detach(fit.pack.backbone, fit.pack.attached)
    return of_fit(fit, bench), wrote


@pytest.mark.parametrize("kind", ["t5", "gpt2", "llama"])
@pytest.mark.parametrize("name", METHODS)
def test_an_exported_writer_writes_what_the_engine_would(tmp_path: Path, kind: str, name: str) -> None:
    model, wrote = trained(tmp_path / "model", kind, METHODS[name])
    writer = load(exported(model, name, tmp_path / "export"))
    sources = copies().sources
    assert np.abs(writer.logits(sources) - model.logits(sources)).max() < 1e-5
    assert writer(sources) == wrote
    assert np.ptp(model.logits(sources), axis=0).max() > 5e-3  # what it writes depends on what it reads


def test_no_graph_of_one_pass_writes() -> None:
    refusal = get("onnx").refusal(configuration(kind="lora").method, kind="write")
    assert refusal is not None
    assert refusal[1] == "write format=merged"


def test_peft_knows_what_its_adapter_is_for(tmp_path: Path) -> None:
    from peft import AutoPeftModelForSeq2SeqLM

    model, wrote = trained(tmp_path / "model", "t5", METHODS["peft"])
    assert len(set(wrote)) > 3
    folder = exported(model, "peft", tmp_path / "export")
    adapted = AutoPeftModelForSeq2SeqLM.from_pretrained(str(folder)).eval()
    ids = torch.arange(4, 12).view(2, 4)
    with model.attach_layers(), torch.no_grad():
        expected = model.backbone(input_ids=ids, decoder_input_ids=ids).logits
        assert (adapted(input_ids=ids, decoder_input_ids=ids).logits - expected).abs().max() < 1e-5
