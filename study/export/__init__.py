"""Trained models for elsewhere: one format a file; :func:`load` opens what `lora-export` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from study.export.loaded import Classifier


def load(folder: str | Path, threads: int | None = None) -> Classifier:
    """The classifier that an export's folder holds; of an ensemble all members, whose logits are averaged.

    An ONNX model needs neither torch nor transformers. `threads` bounds the threads of a runtime that has its own.
    Raises StudyError where the folder holds no export, or a package is missing.
    """
    from study.export.formats import get
    from study.export.loaded import Classifier
    from study.export.manifest import Manifest

    where = Path(folder)
    manifest = Manifest.read(where)
    parts = [where / member for member in manifest.members] or [where]
    made = get(manifest.format)
    made.require()
    return Classifier(manifest, parts[0], [made.open(part, manifest, threads) for part in parts])
