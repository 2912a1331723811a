"""Models that have learned a little, and their exports, as `lora-export` would leave them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from tiny import FAMILIES, configuration, letters, member_of, save_model
from transformers import CONFIG_MAPPING, AutoModel

from study.config.schema import ModelConfig
from study.engine.fit import Fit
from study.engine.workbench import Workbench
from study.export.formats import get
from study.export.job.request import Wanted
from study.export.job.retrain import of_fit
from study.export.job.trained import Trained
from study.export.runtime.manifest import Manifest
from study.models import encoders, hub
from study.search.stored import find

TEXTS = letters().examples.texts
METHODS = {
    "lora": {"kind": "lora", "targets": "all-linear", "rank": "attention:2,ffn:3"},
    "keep": {"kind": "factorized", "lam": 10.0, "targets": "qv"},
    "drop": {"kind": "factorized", "residual": "drop", "targets": "ffn", "rank": 3},
    "dora": {"kind": "dora", "targets": "all-linear", "rank": "attention:2,ffn:3"},
    "pissa": {"kind": "pissa", "targets": "qv", "scaling": "alpha/sqrt(r)"},
    "full": {"kind": "full"},
    "head": {"kind": "head"},
}


def model_of(folder: Path, kind: str, pooling: str = "mean") -> ModelConfig:
    save_model(folder, kind)
    if kind in ("t5", "bart"):  # as they are published: with their decoders
        AutoModel.from_config(CONFIG_MAPPING[kind](**FAMILIES[kind])).save_pretrained(folder)
    return ModelConfig(str(folder), max_length=16, pooling=pooling)


def train(model: ModelConfig, method: str) -> tuple[Trained, Fit]:
    """A member of two epochs; what it learned, and the fit, closed."""
    settings = replace(configuration(**METHODS[method], lr=2e-2), model=model)
    bench = Workbench(letters(), torch.device("cpu"))
    fit = Fit([member_of(0, 0, settings, 5, bench)], bench)
    fit.run()
    return of_fit(fit, bench), fit


def exported(trained: Trained, name: str, folder: Path) -> Path:
    """The trained model in that format."""
    folder.mkdir()
    made, model = get(name), trained.configuration.model
    made.write(trained, folder)
    trained.tokenizer.save_pretrained(str(folder))
    Manifest(
        name, "study", 0, "searched", hub.absolute_name(model.name), encoders.fingerprint(model), False, model.pooling,
        trained.classes, trained.frame, made.libraries(trained),
    ).write(folder)  # fmt: skip
    return folder


def folder_of(wanted: Wanted, trial: int, label: str) -> Path:
    return wanted.out / "small" / f"trial-{trial}" / label


def with_residual(wanted: Wanted, residual: str) -> int:
    """The number of the factorized trial with that residual: a grid is walked in the order of its seed."""
    trials = find(wanted.storage, "small")[0].trials
    return next(t.number for t in trials if t.params.get("method.residual") == residual)
