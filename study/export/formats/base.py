"""The contract of a format: one way to keep a trained model."""

from __future__ import annotations

import importlib.util
import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from study.core.errors import StudyError
from study.export.runtime.frame import CLASSIFY

if TYPE_CHECKING:
    from study.config.schema import MethodConfig
    from study.export.job.trained import Trained
    from study.export.runtime.manifest import Manifest
    from study.export.runtime.models import Compute


class Format(ABC):
    """One way to keep a trained model.

    Guarantees: what :meth:`write` leaves in a folder, :meth:`open` computes again: the same logits to within
    rounding, from the folder (and, where `needs_base`, from the base model) alone.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()  # beyond what the suite itself needs
    extra: ClassVar[str] = ""  # of the suite's own package, that brings them
    needs_base: ClassVar[bool] = False
    needs_layers: ClassVar[bool] = False  # that are adapted, at least one

    def refusal(self, method: MethodConfig, kind: str = CLASSIFY) -> tuple[str, str] | None:
        """The rule that this method breaks and the remedy, None where the format fits.

        `kind` is what the model does: classify, write or choose.
        """
        return None

    @abstractmethod
    def write(self, trained: Trained, folder: Path) -> None:
        """Write weights and whatever loading needs; tokenizer, manifest and card are the caller's."""

    @abstractmethod
    def open(self, folder: Path, manifest: Manifest, threads: int | None) -> Compute:
        """A function from token ids and mask, int64 [n, T], to a classifier's logits [n, classes]."""

    @abstractmethod
    def libraries(self, trained: Trained) -> tuple[str, ...]:
        """The names of the modules that loading imports."""

    def code(self, folder: Path, place: str, manifest: Manifest, text: str) -> str:
        """Python that computes a classifier's `logits` of one text without this suite; empty where there is no such
        way.

        The export lies in `folder` and will lie at `place`.
        """
        return ""

    def also(self, folder: Path, place: str, manifest: Manifest, text: str) -> tuple[str, str]:
        """A sentence on another way to use the export without this suite, and its Python; either may be empty."""
        return "", ""

    @abstractmethod
    def parameters(self, folder: Path) -> int:
        """How many numbers the folder's weights have."""

    def require(self) -> None:
        """Raise StudyError where a package is missing."""
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            rule = f"needs {', '.join(missing)}, which is not installed"
            raise StudyError(f"format={self.name}", rule, f"pip install 'lora-study[{self.extra}]'")


class OfTransformers(Format):
    """A format whose backbone is a model of transformers, with a classifier's head in a file of its own."""

    @abstractmethod
    def backbone(self, folder: Path, manifest: Manifest) -> Any:
        """The model that the folder holds, in float32 and evaluation mode."""

    def open(self, folder: Path, manifest: Manifest, threads: int | None) -> Compute:
        from study.export.runtime import head
        from study.export.runtime.whole import Whole

        return Whole(self.backbone(folder, manifest), *head.read(folder), manifest.pooling).compute

    def libraries(self, trained: Trained) -> tuple[str, ...]:
        return ("torch", "transformers", "safetensors.torch", type(trained.backbone).__module__)

    def parameters(self, folder: Path) -> int:
        return sum(safetensors_numbers(file) for file in sorted(folder.glob("*.safetensors")))


def safetensors_keys(file: Path) -> list[str]:
    """The names of the file's tensors."""
    from safetensors import safe_open

    with safe_open(file, "np") as tensors:
        return list(tensors.keys())


def safetensors_numbers(file: Path, keys: Collection[str] | None = None) -> int:
    """How many numbers the file's tensors have, or those of them that are named; from its header alone."""
    from safetensors import safe_open

    with safe_open(file, "np") as tensors:
        names = tensors.keys() if keys is None else keys
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in names)
