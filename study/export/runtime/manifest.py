"""What an export says of itself, in lora_study.json beside its weights: all that loading it takes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from study.core.errors import StudyError
from study.export.runtime.frame import Frame

FILE = "lora_study.json"
LISTS = ("classes", "libraries", "members")


@dataclass(frozen=True)
class Manifest:
    """Where an export comes from and how it reads a text.

    `model` is the base model's name and `fingerprint` its weights'; `classes` are the labels in the order of
    the logits, none where the model does not classify; `members` are the folders of an ensemble; `libraries` are the
    modules that loading imports.
    """

    format: str
    study: str
    trial: int
    data: str
    model: str
    fingerprint: str
    random_weights: bool
    pooling: str
    classes: tuple[str, ...]
    frame: Frame
    libraries: tuple[str, ...]
    members: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write the manifest into the export's folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of the export in that folder; StudyError where there is none."""
        remedy = "name a folder that lora-export wrote"
        try:
            raw: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
            values: dict[str, Any] = {f.name: raw[f.name] for f in fields(cls)}
            values |= {name: tuple(values[name]) for name in LISTS}
            frame: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values["frame"].items()}
            return cls(**{**values, "frame": Frame(**frame)})
        except OSError as error:
            raise StudyError(str(folder), f"holds no {FILE}", remedy) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StudyError(str(folder / FILE), f"cannot be read ({error!r})", remedy) from error
