"""Models that choose sentences are exported as adapters, merged and with thin layers, and choose as the engine does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from exports import exported
from tiny import configuration, documents, member_of, save_model

from study.config.schema import ModelConfig
from study.core.records import Fold
from study.data.examples import Documents
from study.engine.fit import Fit
from study.engine.problems.documents import Extract
from study.engine.workbench import StudyData, Workbench
from study.export import load
from study.export.formats import get
from study.export.job.retrain import of_fit
from study.export.job.trained import Trained
from study.export.runtime.manifest import FILE
from study.methods.layers import surgery
from study.text import summaries
from study.text.rouge import ENGLISH, UNICODE

METHODS = {
    "peft": {"kind": "lora", "targets": "all-linear"},
    "merged": {"kind": "full"},
    "compressed": {"kind": "factorized", "residual": "drop", "targets": "ffn", "rank": 3},
}


def trained(
    folder: Path, pooling: str, method: dict[str, object], examples: Documents | None = None
) -> tuple[Trained, list[np.ndarray]]:
    """A model that has learned a little, and the engine's own score of every sentence."""
    model = ModelConfig(str(save_model(folder)), max_length=24, pooling=pooling)
    examples = examples or documents(24)
    everything = np.arange(len(examples))
    bench = Workbench(StudyData(examples, (Fold(0, everything, everything[:8]),)), torch.device("cpu"))
    fit = Fit([member_of(0, 0, replace(configuration(lr=2e-2, **method), model=model), 5, bench)], bench)
    fit.run()
    surgery.reattach(fit.pack.backbone, fit.pack.attached)
    problem = fit.problem
    assert isinstance(problem, Extract)
    (logits,) = problem.predict(fit.pack, [problem.rows(everything)])
    scores = [problem.windows.means(logits, i) for i in everything.tolist()]
    surgery.detach(fit.pack.backbone, fit.pack.attached)
    return of_fit(fit, bench), scores


@pytest.mark.parametrize(("name", "pooling"), [("peft", "mean"), ("merged", "cls"), ("compressed", "mean")])
def test_an_exported_extractor_scores_and_chooses_as_the_engine_does(tmp_path: Path, name: str, pooling: str) -> None:
    model, scores = trained(tmp_path / "model", pooling, METHODS[name])
    folder = exported(model, name, tmp_path / "export")
    given = list(zip(documents(24).queries, documents(24).sentences, strict=True))
    extractor = load(folder)
    assert np.abs(model.logits(given) - np.concatenate(scores)).max() < 1e-5
    assert np.abs(extractor.logits(given) - np.concatenate(scores)).max() < 1e-5
    assert np.ptp(np.concatenate(scores)) > 0.01
    expected = [
        [s[i] for i in summaries.choose_sentences(x, s, 8, ENGLISH)] for x, (_, s) in zip(scores, given, strict=True)
    ]
    assert extractor(given) == [" ".join(chosen) for chosen in expected]


def test_a_loaded_extractor_counts_words_as_the_study_did(tmp_path: Path) -> None:
    """Of sentences of three characters without spaces two fit into a budget of six words, not all three."""
    texts = ("猫在叫。", "狗在跑。", "下雨了。")
    examples = Documents(("",) * 8, (texts,) * 8, ((1, 0, 0),) * 8, ("猫在叫",) * 8, 6, metric="rougeL", words=UNICODE)
    model, _ = trained(tmp_path / "model", "mean", METHODS["peft"], examples)
    folder = exported(model, "peft", tmp_path / "export")
    (summary,) = load(folder)([("", texts)])
    assert len(summary.split()) == 2
    manifest = json.loads((folder / FILE).read_text(encoding="utf-8"))
    del manifest["frame"]["words"]  # as an earlier version wrote it
    (folder / FILE).write_text(json.dumps(manifest), encoding="utf-8")
    assert load(folder)([("", texts)]) == [" ".join(texts)]


def test_no_graph_of_one_pass_reads_windows() -> None:
    refusal = get("onnx").refusal(configuration(kind="lora").method, kind="choose")
    assert refusal is not None
    assert "windows" in refusal[0]
