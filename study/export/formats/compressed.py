"""`residual: drop` as it is: two thin layers in safetensors where the base model has one weight."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study import methods
from study.export.formats.base import OfTransformers
from study.export.runtime import head
from study.export.runtime.frame import CLASSIFY, WRITE
from study.methods.base import THIN

if TYPE_CHECKING:
    from study.config.schema import MethodConfig
    from study.export.job.trained import Trained
    from study.export.runtime.manifest import Manifest

WEIGHTS = "model.safetensors"


class Compressed(OfTransformers):
    """The weights of `layer` are `layer.0.weight` (C, r × in) and `layer.1.weight` (B, out × r)."""

    name = "compressed"

    def refusal(self, method: MethodConfig, kind: str = CLASSIFY) -> tuple[str, str] | None:
        if methods.get(method.kind).leaves(method) == THIN:
            return None
        rule = "keeps B C alone, and this configuration keeps W (method.residual=drop is what compresses)"
        return rule, "write format=merged"

    def write(self, trained: Trained, folder: Path) -> None:
        if trained.frame.kind != WRITE:
            head.write(folder, trained.head, trained.bias)
        model: Any = trained.compressed_model()
        model.save_pretrained(str(folder), max_shard_size="1TB")

    def backbone(self, folder: Path, manifest: Manifest) -> Any:
        return _class(folder, manifest).from_pretrained(str(folder), dtype="float32").eval()


def _class(folder: Path, manifest: Manifest) -> Any:
    """The backbone's own class, with two thin layers wherever the folder has them; transformers loads it as any
    other."""
    import torch
    from torch import nn
    from transformers import AutoModel

    from study.methods.layers.stored import Thin
    from study.models import hub
    from study.models.linear import bias, matrix

    with torch.device("meta"):
        usual: Any = hub.from_configuration(manifest.model_in(folder), AutoModel)
    kind: Any = getattr(sys.modules[type(usual).__module__], usual.config.architectures[0])
    ranks = _ranks(folder)

    class Thinned(kind):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for name, rank in ranks.items():
                linear: nn.Module = self.get_submodule(name)
                outputs, inputs = matrix(linear).shape
                self.set_submodule(name, Thin(inputs, rank, outputs, bias(linear) is not None))

    return Thinned


def _ranks(folder: Path) -> dict[str, int]:
    """The rank of each thin layer, by its name."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, "np") as tensors:
        shapes = {key: tensors.get_slice(key).get_shape() for key in tensors.keys()}  # noqa: SIM118
    first, second = ".0.weight", ".1.weight"
    names = [key.removesuffix(first) for key in shapes if key.endswith(first)]
    return {n: shapes[n + first][0] for n in names if shapes.get(n + second, [0, 0])[1:] == shapes[n + first][:1]}


FORMAT = Compressed()
