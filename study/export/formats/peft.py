"""The adapter alone, as PEFT keeps LoRA: adapter_config.json and adapter_model.safetensors, over the base model.

`factorized` with its residual kept is W + (B − B₀) C, which is LoRA's form with A = C and B − B₀ for B.
"""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study import methods
from study.core.errors import StudyError
from study.core.quoting import python_text
from study.export.formats.base import OfTransformers, safetensors_keys, safetensors_numbers
from study.export.runtime import head, sequence
from study.export.runtime.frame import CLASSIFY, WRITE
from study.methods.base import NOTHING, THIN, UPDATE

if TYPE_CHECKING:
    from study.config.schema import MethodConfig
    from study.export.job.trained import Trained
    from study.export.runtime.manifest import Manifest
    from study.export.runtime.sequence import SequenceClassifier

WEIGHTS, OUTER = "adapter_model.safetensors", "base_model.model."  # PEFT's file, and what its keys begin with
LAST = ("classifier", "score")  # what transformers' classifiers call their last module
WITHOUT_HEAD = (
    "PEFT over AutoModelForSequenceClassification is no way to load it: transformers' own classifier of this "
    "architecture has no place for this head (model.pooling={pooling}), which lies in head.safetensors."
)


class Peft(OfTransformers):
    """PEFT's own classes write and read it, so that it is whatever the installed PEFT understands."""

    name = "peft"
    packages = ("peft",)
    extra = "peft"
    needs_base = needs_layers = True

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

        classifier = sequence.classifier(trained.backbone, trained)
        base: Any = classifier.model if classifier else copy.deepcopy(trained.backbone)
        model: Any = get_peft_model(
            base, LoraConfig(**_settings(trained), modules_to_save=_replaced_modules(trained, classifier))
        )
        prefix = f"{classifier.prefix}." if classifier else ""
        with torch.no_grad():
            for name, start in trained.starts.items():
                layer = model.base_model.model.get_submodule(prefix + name)
                layer.lora_A["default"].weight.copy_(start.down)
                layer.lora_B["default"].weight.copy_(start.up)
                if start.magnitude is not None:
                    layer.lora_magnitude_vector["default"].weight.copy_(start.magnitude)
        # Else PEFT would look whether the vocabulary has grown, on the Hub.
        model.save_pretrained(str(folder), save_embedding_layers=False)
        if classifier:
            _repeat(folder / WEIGHTS, f"{OUTER}{prefix}")
        if trained.frame.kind != WRITE:
            head.write(folder, trained.head, trained.bias)

    def backbone(self, folder: Path, manifest: Manifest) -> Any:
        from peft import PeftModel

        from study.config.schema import ModelConfig
        from study.models import encoders, generators

        if not (folder / WEIGHTS).is_file():  # PEFT would take a pickle in its place, or look on the Hub
            raise StudyError(str(folder), f"holds no {WEIGHTS}", "name a folder that lora-export wrote")
        wanted = ModelConfig(
            manifest.model, pooling=manifest.pooling, random_weights=manifest.random_weights,
            trust_remote_code=manifest.trust_remote_code,
        )  # fmt: skip
        base: Any = (generators if manifest.frame.kind == WRITE else encoders).load(wanted).backbone
        adapted: Any = PeftModel.from_pretrained(base, str(folder)).eval()
        return adapted.base_model.model

    def code(self, folder: Path, place: str, manifest: Manifest, text: str) -> str:
        from study.config.schema import ModelConfig
        from study.models import hub

        if manifest.random_weights or manifest.frame.kind != CLASSIFY:
            return ""
        configured = hub.configuration(ModelConfig(manifest.model, trust_remote_code=manifest.trust_remote_code))
        part = ".get_encoder()" if configured.is_encoder_decoder else ""
        base = f"AutoModel.from_pretrained({python_text(hub.source(manifest.model))}{manifest.trusting}){part}"
        imports = "from peft import PeftModel\nfrom transformers import AutoModel, AutoTokenizer"
        return head.code(place, f"PeftModel.from_pretrained({base}, folder)", imports, manifest, text)

    def also(self, folder: Path, place: str, manifest: Manifest, text: str) -> tuple[str, str]:
        from study.models import hub

        if manifest.random_weights or manifest.frame.kind != CLASSIFY:
            return "", ""
        if not _with_head(folder):
            return WITHOUT_HEAD.format(pooling=manifest.pooling), ""
        base = f"{python_text(hub.source(manifest.model))}, num_labels={len(manifest.classes)}{manifest.trusting}"
        model = f"PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained({base}), folder)"
        code = sequence.code(place, model, "from peft import PeftModel\n", manifest, text)
        return "Or over transformers' own classifier, with the head inside:", code

    def parameters(self, folder: Path) -> int:
        """How many numbers the adapter, which may be kept under two names, and the head have."""
        inner = {key.removeprefix(OUTER) for key in safetensors_keys(folder / WEIGHTS)}
        once = {f"{OUTER}{key}" for key in inner if "lora_" in key and key.partition(".")[2] not in inner}
        rest = [folder / head.FILE] if head.exists(folder) else []
        return safetensors_numbers(folder / WEIGHTS, once) + sum(map(safetensors_numbers, rest))

    def libraries(self, trained: Trained) -> tuple[str, ...]:
        return (*super().libraries(trained), "peft", "study.models.encoders")


def _settings(trained: Trained) -> dict[str, Any]:
    """The arguments of LoraConfig: its alpha is each layer's scale times its rank, since PEFT multiplies by alpha /
    r."""
    from study.models import hub
    from study.models.linear import matrix

    starts, backbone = trained.starts, trained.backbone
    ranks = {name: len(start.down) for name, start in starts.items()}
    alphas = {name: start.scale * ranks[name] for name, start in starts.items()}
    rank, alpha = Counter(zip(ranks.values(), alphas.values(), strict=True)).most_common(1)[0][0]
    writes: Any = {"task_type": "SEQ_2_SEQ_LM" if backbone.config.is_encoder_decoder else "CAUSAL_LM"}  # type: ignore
    return {
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {name: r for name, r in ranks.items() if r != rank},
        "alpha_pattern": {name: a for name, a in alphas.items() if a != alpha},
        "target_modules": list(starts),
        "use_dora": any(start.magnitude is not None for start in starts.values()),
        "inference_mode": True,
        "bias": "none",
        "base_model_name_or_path": hub.source(hub.absolute_name(trained.configuration.model.name)),
        # Whether weights are kept as in × out, as GPT-2 does.
        "fan_in_fan_out": any(matrix(x := backbone.get_submodule(name)) is not x.weight for name in starts),
        **(writes if trained.frame.kind == WRITE else {}),
    }


def _replaced_modules(trained: Trained, classifier: SequenceClassifier | None) -> list[str] | None:
    """The modules of the base model that PEFT replaces by trained ones; None where there are none.

    Where transformers' classifier has no place for the head, its last layer is named nevertheless: PEFT, which over it
    would load no adapter at all and go on, then meets a module that is not there, and stops.
    """
    if classifier:
        return list(classifier.modules)
    if trained.frame.kind != CLASSIFY or any(n.endswith(LAST) for n, _ in trained.backbone.named_modules()):
        return None
    return list(LAST)


def _repeat(file: Path, prefix: str) -> None:
    """Write the backbone's tensors a second time, under the names that they have outside of a classifier.

    `file` is a safetensors file, in which they begin with `prefix`.
    """
    from safetensors.torch import load_file, save_file

    tensors = load_file(file)
    alone = {OUTER + key.removeprefix(prefix): t.clone() for key, t in tensors.items() if key.startswith(prefix)}
    save_file({**tensors, **alone}, file, metadata={"format": "pt"})


def _with_head(folder: Path) -> bool:
    """Whether the adapter has a classifier's own layers beside it."""
    return any("lora_" not in key for key in safetensors_keys(folder / WEIGHTS))


FORMAT = Peft()
