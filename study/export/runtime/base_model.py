"""The base model of an adapter: where it lies now, held against the weights that the adapter was trained over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from study.core.errors import StudyError

if TYPE_CHECKING:
    from study.export.runtime.manifest import Manifest

HUB = "@"  # between a model's name and its commit, which stand for the weights of what is on the Hub


def locate(manifest: Manifest, folder: Path, base: str | Path | None) -> Manifest:
    """The manifest with the base model's name as it can be opened now: as recorded, or the folder `base`.

    Raises StudyError where it is not there or has other weights than the export's.
    """
    from study.config.schema import ModelConfig
    from study.models import embedded, encoders

    if base is None:
        local = HUB not in manifest.fingerprint and manifest.model not in embedded.ENCODERS
        if local and not Path(manifest.model).is_dir():
            rule = f"is an adapter over the base model {manifest.model}, which is not there"
            raise StudyError(str(folder), rule, "write load(folder, base=...) with the folder in which it lies now")
        named = ModelConfig(
            manifest.model, random_weights=manifest.random_weights, trust_remote_code=manifest.trust_remote_code
        )
        known = encoders.fingerprint(named)
    else:
        known = _of_folder(manifest, Path(base))
    if known != manifest.fingerprint:
        rule = f"belongs to other weights than {base or manifest.model} has now"
        remedy = "name the folder of those that the study used with load(folder, base=...), or export again"
        raise StudyError(str(folder), rule, remedy)
    return manifest if base is None else replace(manifest, model=str(base))


def _of_folder(manifest: Manifest, base: Path) -> str:
    """The fingerprint of a folder in the place of the recorded base model."""
    from study.models import embedded, encoders

    if not base.is_dir():
        remedy = f"name the folder in which {manifest.model} lies now"
        raise StudyError(f"base={base}", "is no folder", remedy)
    if HUB in manifest.fingerprint:
        rule = f"cannot be held against {manifest.model}, which is known by its commit on the Hub and not by its files"
        raise StudyError(f"base={base}", rule, "leave base=... away: the Hub's cache, at HF_HOME, has it, or the Hub")
    return encoders.of_folder(base, manifest.random_weights, manifest.model in embedded.ENCODERS)
