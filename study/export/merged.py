"""The whole model with the adapters merged into its weights, which transformers loads by itself."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from study.export import head
from study.export.formats import OfTransformers
from study.export.frame import CLASSIFY, WRITE

if TYPE_CHECKING:
    from torch import nn

    from study.export.loaded import Compute
    from study.export.manifest import Manifest
    from study.export.trained import Trained

LAST = ("classifier", "score")  # where transformers' classifiers keep their last layer


class Merged(OfTransformers):
    """AutoModel loads the backbone, and head.safetensors holds the classifier.

    Where the architecture's own AutoModelForSequenceClassification computes the very same logits, which is found by
    trying, the model is that, classifier included: pipelines run it, and there is no head.safetensors.
    """

    name = "merged"

    def write(self, trained: Trained, folder: Path) -> None:
        backbone: Any = trained.merged()
        kind = trained.frame.kind
        own = as_sequence_classifier(backbone, trained) if kind == CLASSIFY else None
        if own is None and kind != WRITE:
            head.write(folder, trained.head, trained.bias)
        (own or _loadable(backbone, trained)).save_pretrained(str(folder))

    def open(self, folder: Path, manifest: Manifest, threads: int | None) -> Compute:
        import torch
        from transformers import AutoModelForSequenceClassification

        from study.export.whole import Answering

        if head.there(folder):
            return super().open(folder, manifest, threads)
        own = AutoModelForSequenceClassification.from_pretrained(str(folder), dtype=torch.float32)
        return Answering(own.eval()).compute

    def backbone(self, folder: Path, manifest: Manifest) -> Any:
        import torch
        from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

        two_stacks, writes = AutoConfig.from_pretrained(str(folder)).is_encoder_decoder, manifest.frame.kind == WRITE
        writer = AutoModelForSeq2SeqLM if two_stacks else AutoModelForCausalLM
        found = (writer if writes else AutoModel).from_pretrained(str(folder), dtype=torch.float32).eval()
        return found.get_encoder() if two_stacks and not writes else found

    def code(self, folder: Path, place: str, manifest: Manifest, text: str) -> str | None:
        if manifest.frame.kind != CLASSIFY:
            return None
        if head.there(folder):
            two_stacks = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("is_encoder_decoder")
            model = f"AutoModel.from_pretrained(folder){'.get_encoder()' if two_stacks else ''}"
            return head.code(place, model, "from transformers import AutoModel, AutoTokenizer", manifest, text)
        return f"""from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = "{place}"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder)
batch = tokenizer(["{text}"], truncation=True, max_length={manifest.frame.longest}, return_tensors="pt")
logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits"""


def as_sequence_classifier(backbone: nn.Module, trained: Trained) -> Any | None:
    """transformers' own classifier of that architecture with these weights, where it computes the same, or None."""
    import torch
    from transformers import AutoModelForSequenceClassification

    from study.engine import exact
    from study.export.whole import Answering
    from study.models.attention import NAME

    config: Any = copy.deepcopy(backbone.config)
    config.num_labels = len(trained.bias)
    config.id2label = dict(enumerate(trained.classes))
    config.label2id = {name: i for i, name in enumerate(trained.classes)}
    if config._attn_implementation == NAME:
        config._attn_implementation = "sdpa"
    ids, mask = exact.trial(backbone)
    with torch.no_grad():
        wanted = trained.computing(backbone)(ids, mask)
        try:
            made = AutoModelForSequenceClassification.from_config(config).eval()
            _fill(made, backbone, trained)
            found = Answering(made)(ids, mask)
        except exact.ODD:  # another architecture on top of the backbone, or none
            return None
    same = found.shape == wanted.shape and torch.allclose(found, wanted, rtol=1e-5, atol=1e-5)
    return made if same else None


def _fill(made: Any, backbone: nn.Module, trained: Trained) -> None:
    """Backbone and head into transformers' classifier; ValueError where they do not fit."""
    from torch import nn

    getattr(made, made.base_model_prefix).load_state_dict(backbone.state_dict())
    last = next((x for name in LAST if isinstance(x := getattr(made, name, None), nn.Linear)), None)
    if last is None or last.weight.shape != trained.head.shape or (last.bias is None and trained.bias.any()):
        raise ValueError("the head does not fit")
    last.weight.copy_(trained.head)
    if last.bias is not None:
        last.bias.copy_(trained.bias)


def _loadable(backbone: nn.Module, trained: Trained) -> Any:
    """What transformers loads: the backbone, or the encoder–decoder model that it is the encoder of."""
    from transformers import AutoModel

    from study.models import encoders

    config: Any = backbone.config
    if not config.is_encoder_decoder or trained.frame.kind == WRITE:
        return backbone
    whole = encoders.whole(trained.configuration.model, AutoModel)
    whole.get_encoder().load_state_dict(backbone.state_dict())
    return whole


FORMAT = Merged()
