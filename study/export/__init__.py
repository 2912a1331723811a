"""Trained models for elsewhere: one format a file; :func:`load` opens what `lora-export` wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.core.errors import StudyError

if TYPE_CHECKING:
    from study.export.runtime.manifest import Manifest


def load(
    folder: str | Path, threads: int | None = None, base: str | Path | None = None, trust_remote_code: bool = False
) -> Any:
    """The model in an export's folder: a Classifier, a Writer or an Extractor (study/export/runtime/models.py).

    Of an ensemble all members, whose logits are averaged. An ONNX model needs neither torch nor transformers. `threads`
    bounds the threads of a runtime that has its own. `base` is the folder of the base model of an adapter, where that
    lies elsewhere than when it was exported. Python that came with a model runs only with `trust_remote_code`.

    Raises StudyError where the folder holds no export, a package is missing, or the base model is not there or has
    other weights.
    """
    from study.export.formats import get
    from study.export.runtime.frame import CLASSIFY, WRITE
    from study.export.runtime.manifest import Manifest

    where = Path(folder)
    manifest = replace(Manifest.read(where), trust_remote_code=trust_remote_code)
    made = get(manifest.format)
    made.require()
    if made.needs_base:
        from study.export.runtime.base_model import locate

        manifest = locate(manifest, where, base)
    elif base is not None:
        rule = f"is given, and an export of format={manifest.format} holds the whole model"
        raise StudyError(f"base={base}", rule, "leave it away")
    if manifest.frame.kind == CLASSIFY:
        return _classifier(manifest, where, threads)
    return _writer(manifest, where) if manifest.frame.kind == WRITE else _extractor(manifest, where)


def _classifier(manifest: Manifest, folder: Path, threads: int | None) -> Any:
    """A classifier of the folder's model or, of an ensemble, of the models in its members' folders."""
    from study.export.formats import get
    from study.export.runtime.models import Classifier

    parts = [folder / member for member in manifest.members] or [folder]
    return Classifier(manifest, parts[0], [get(manifest.format).open(part, manifest, threads) for part in parts])


def _writer(manifest: Manifest, folder: Path) -> Any:
    """A writer of the folder's language model."""
    from study.export.runtime.models import Writer
    from study.export.runtime.whole import Writing

    return Writer(manifest, folder, Writing(_backbone(manifest, folder)))


def _extractor(manifest: Manifest, folder: Path) -> Any:
    """An extractor of the folder's backbone and head."""
    from study.export.runtime import head
    from study.export.runtime.extraction import Choosing
    from study.export.runtime.models import Extractor
    from study.models import hub

    weights, tokenizer = head.read(folder), hub.tokenizer(manifest.model_in(folder))
    backbone = _backbone(manifest, folder)
    return Extractor(manifest, Choosing(backbone, *weights, tokenizer, manifest.pooling, manifest.frame.longest))


def _backbone(manifest: Manifest, folder: Path) -> Any:
    """The backbone in the folder, opened by its format."""
    from study.export.formats import get
    from study.export.formats.base import OfTransformers

    made = get(manifest.format)
    assert isinstance(made, OfTransformers)  # no other format fits a model that does not classify
    return made.backbone(folder, manifest)
