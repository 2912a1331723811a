"""What an export says of itself, in lora_study.json beside its weights: all that loading it takes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.core.errors import StudyError
from study.export.runtime.frame import Frame

if TYPE_CHECKING:
    from study.config.schema import ModelConfig

FILE = "lora_study.json"
LISTS = ("classes", "libraries", "members")
UNWRITTEN = "trust_remote_code"


@dataclass(frozen=True)
class Manifest:
    """Where an export comes from and how it reads a text.

    `model` is the base model's name and `fingerprint` its weights'; `classes` are the labels in the order of
    the logits, none where the model does not classify; `members` are the folders of an ensemble, inside its own;
    `libraries` are the modules that loading imports. `trust_remote_code`, whether code that came with the model may
    run, is said by whoever loads it, never by the file.
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
    trust_remote_code: bool = False

    def write(self, folder: Path) -> None:
        """Write the manifest into the export's folder."""
        values = {name: value for name, value in asdict(self).items() if name != UNWRITTEN}
        (folder / FILE).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")

    def model_in(self, folder: Path) -> ModelConfig:
        """The model that the folder holds, as one of a study is named."""
        from study.config.schema import ModelConfig

        return ModelConfig(str(folder.absolute()), trust_remote_code=self.trust_remote_code)

    @property
    def trusting(self) -> str:
        """What a call of transformers must say where the model came with code of its own; else nothing."""
        return ", trust_remote_code=True" if self.trust_remote_code else ""

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of the export in that folder; StudyError where there is none."""
        remedy = "name a folder that lora-export wrote"
        try:
            raw: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
            values: dict[str, Any] = {f.name: raw[f.name] for f in fields(cls) if f.name != UNWRITTEN}
            values |= {name: tuple(values[name]) for name in LISTS}
            frame: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values["frame"].items()}
            _check_members(values["members"])
            return cls(**{**values, "frame": Frame(**frame)})
        except OSError as error:
            raise StudyError(str(folder), f"holds no {FILE}", remedy) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StudyError(str(folder / FILE), f"cannot be read ({error!r})", remedy) from error


def _check_members(members: tuple[str, ...]) -> None:
    """Raise ValueError where a member would lie elsewhere than in the export's folder."""
    for member in members:
        if Path(member).name != member or member == "..":
            raise ValueError(f"{member} is no folder inside of it")
