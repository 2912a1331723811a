"""The adapter alone, as PEFT keeps LoRA: adapter_config.json and adapter_model.safetensors, over the base model.

`factorized` with its residual kept is W + (B − B₀) C, which is LoRA's form with A = C and B − B₀ for B.
"""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study import methods
from study.export import head
from study.export.formats import OfTransformers
from study.export.frame import CLASSIFY, WRITE
from study.methods.base import NOTHING, THIN, UPDATE

if TYPE_CHECKING:
    from study.adapters.factors import Start
    from study.config import MethodConfig
    from study.export.manifest import Manifest
    from study.export.trained import Trained


class Peft(OfTransformers):
    """PEFT's own classes write and read it, so that it is whatever the installed PEFT understands."""

    name = "peft"
    packages = ("peft",)
    extra = "peft"
    needs_base = True

    def refusal(self, method: MethodConfig, kind: str = CLASSIFY) -> tuple[str, str] | None:
        left = methods.get(method.kind).leaves(method)
        if left == THIN:
            rule = "adds to a layer's weight, and method.residual=drop has none left to add to"
            return rule, "write format=compressed or format=merged"
        if left != UPDATE:
            what = "changes no layer" if left == NOTHING else "changes every weight"
            return f"keeps low-rank updates, and method.kind={method.kind} {what}", "write format=merged"
        return None

    def write(self, trained: Trained, folder: Path) -> None:
        import torch
        from peft import LoraConfig, get_peft_model

        from study.models import encoders
        from study.models.linear import matrix

        base: Any = copy.deepcopy(trained.backbone)
        source = encoders.source(encoders.lasting(trained.configuration.model.name))
        # PEFT asks whether weights are kept as in × out, as GPT-2 does.
        turned = any(matrix(x := base.get_submodule(name)) is not x.weight for name in trained.starts)
        settings = {**_settings(trained.starts), "base_model_name_or_path": source, "fan_in_fan_out": turned}
        if trained.frame.kind == WRITE:
            settings["task_type"] = "SEQ_2_SEQ_LM" if base.config.is_encoder_decoder else "CAUSAL_LM"
        model: Any = get_peft_model(base, LoraConfig(**settings))
        with torch.no_grad():
            for name, start in trained.starts.items():
                layer = model.base_model.model.get_submodule(name)
                layer.lora_A["default"].weight.copy_(start.down)
                layer.lora_B["default"].weight.copy_(start.up)
        # Else PEFT would look whether the vocabulary has grown, on the Hub.
        model.save_pretrained(str(folder), save_embedding_layers=False)
        if trained.frame.kind != WRITE:
            head.write(folder, trained.head, trained.bias)

    def backbone(self, folder: Path, manifest: Manifest) -> Any:
        from peft import PeftModel

        from study.config import ModelConfig
        from study.errors import StudyError
        from study.models import encoders, generators

        wanted = ModelConfig(manifest.model, pooling=manifest.pooling, random_weights=manifest.random_weights)
        if encoders.fingerprint(wanted) != manifest.fingerprint:
            rule = f"belongs to other weights than {manifest.model} has now"
            raise StudyError(str(folder), rule, "bring the base model back that the study used, or export again")
        base: Any = (generators if manifest.frame.kind == WRITE else encoders).load(wanted).backbone
        adapted: Any = PeftModel.from_pretrained(base, str(folder)).eval()
        return adapted.base_model.model

    def code(self, folder: Path, place: str, manifest: Manifest, text: str) -> str | None:
        from study.config import ModelConfig
        from study.models import encoders

        if manifest.random_weights or manifest.frame.kind != CLASSIFY:
            return None
        configured = encoders.configured(ModelConfig(manifest.model))
        part = ".get_encoder()" if configured.is_encoder_decoder else ""
        base = f'AutoModel.from_pretrained("{encoders.source(manifest.model)}"){part}'
        imports = "from peft import PeftModel\nfrom transformers import AutoModel, AutoTokenizer"
        return head.code(place, f"PeftModel.from_pretrained({base}, folder)", imports, manifest, text)

    def libraries(self, trained: Trained) -> tuple[str, ...]:
        return (*super().libraries(trained), "peft", "study.models.encoders")


def _settings(starts: dict[str, Start]) -> dict[str, Any]:
    """LoraConfig's arguments; PEFT multiplies by alpha / r, so that a layer's alpha is its scale times its rank."""
    ranks = {name: len(start.down) for name, start in starts.items()}
    alphas = {name: start.scale * ranks[name] for name, start in starts.items()}
    rank, alpha = Counter(zip(ranks.values(), alphas.values(), strict=True)).most_common(1)[0][0]
    return {
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {name: r for name, r in ranks.items() if r != rank},
        "alpha_pattern": {name: a for name, a in alphas.items() if a != alpha},
        "target_modules": list(starts),
        "inference_mode": True,
        "bias": "none",
    }


FORMAT = Peft()
