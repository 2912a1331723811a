"""Exports of models at hand, as `lora-export` would leave them."""

from __future__ import annotations

from pathlib import Path

from study.export.formats import get
from study.export.manifest import Manifest
from study.export.trained import Trained
from study.models import encoders


def exported(trained: Trained, name: str, folder: Path) -> Path:
    """The trained model in that format."""
    folder.mkdir()
    made, model = get(name), trained.configuration.model
    made.write(trained, folder)
    trained.tokenizer.save_pretrained(str(folder))
    Manifest(
        name, "study", 0, "searched", model.name, encoders.fingerprint(model), False, model.pooling, trained.classes,
        trained.frame, made.libraries(trained),
    ).write(folder)  # fmt: skip
    return folder
