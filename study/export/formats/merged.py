"""The whole model with the adapters merged into its weights, which transformers loads by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.export.formats.base import OfTransformers
from study.export.runtime import head, sequence
from study.export.runtime.frame import CLASSIFY, WRITE

if TYPE_CHECKING:
    from torch import nn

    from study.export.job.trained import Trained
    from study.export.runtime.manifest import Manifest
    from study.export.runtime.models import Compute


class Merged(OfTransformers):
    """AutoModel loads the backbone, and head.safetensors holds the classifier.

    Where the architecture's own AutoModelForSequenceClassification computes the very same logits, which is found by
    trying, the model is that, classifier included: pipelines run it, and there is no head.safetensors.
    """

    name = "merged"

    def write(self, trained: Trained, folder: Path) -> None:
        backbone: Any = trained.merged_model()
        classifier = sequence.classifier(backbone, trained)
        if classifier is None and trained.frame.kind != WRITE:
            head.write(folder, trained.head, trained.bias)
        (classifier.model if classifier else _loadable(backbone, trained)).save_pretrained(str(folder))

    def open(self, folder: Path, manifest: Manifest, threads: int | None) -> Compute:
        from transformers import AutoModelForSequenceClassification

        from study.export.runtime.whole import Answering
        from study.models import hub

        if head.exists(folder):
            return super().open(folder, manifest, threads)
        classifier = hub.load_model(manifest.model_in(folder), AutoModelForSequenceClassification)
        return Answering(classifier.eval()).compute

    def backbone(self, folder: Path, manifest: Manifest) -> Any:
        from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

        from study.models import hub

        model = manifest.model_in(folder)
        two_stacks, writes = hub.configuration(model).is_encoder_decoder, manifest.frame.kind == WRITE
        writer = AutoModelForSeq2SeqLM if two_stacks else AutoModelForCausalLM
        whole = hub.load_model(model, writer if writes else AutoModel).eval()
        return whole.get_encoder() if two_stacks and not writes else whole

    def code(self, folder: Path, place: str, manifest: Manifest, text: str) -> str:
        if manifest.frame.kind != CLASSIFY:
            return ""
        if head.exists(folder):
            two_stacks = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("is_encoder_decoder")
            model = f"AutoModel.from_pretrained(folder{manifest.trusting}){'.get_encoder()' if two_stacks else ''}"
            return head.code(place, model, "from transformers import AutoModel, AutoTokenizer", manifest, text)
        model = f"AutoModelForSequenceClassification.from_pretrained(folder{manifest.trusting})"
        return sequence.code(place, model, "", manifest, text)


def _loadable(backbone: nn.Module, trained: Trained) -> Any:
    """What transformers loads: the backbone, or the encoder–decoder model that it is the encoder of."""
    from transformers import AutoModel

    from study.models import hub

    config: Any = backbone.config
    if not config.is_encoder_decoder or trained.frame.kind == WRITE:
        return backbone
    whole = hub.load_model(trained.configuration.model, AutoModel)
    whole.get_encoder().load_state_dict(backbone.state_dict())
    return whole


FORMAT = Merged()
