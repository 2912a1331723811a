"""transformers' own sequence classifier of an architecture, with this backbone and this head, where it has room."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from study.export.runtime.frame import CLASSIFY

if TYPE_CHECKING:
    import torch
    from torch import nn

    from study.export.job.trained import Trained
    from study.export.runtime.manifest import Manifest

LAST = ("classifier", "score", "classifier.out_proj")  # where transformers' classifiers keep their last layer
BEFORE = ("pre_classifier", "classifier.dense", "pooler.dense")  # and the one, with an activation, before it
POOLER = ("pooler.dense", "pooler")  # where backbones keep their own
# What the layer before is multiplied by: ReLU, GELU and SiLU take any, tanh is straight near nothing. The last, for
# logits in the hundreds, is not the only one since its inverse is no number in float16.
SCALES = (1.0, 2.0**-14, 2.0**-20)
TOLERANCE = 1e-5  # of the largest logit, or of 1


@dataclass(frozen=True)
class SequenceClassifier:
    """The classifier, and the names of those of its modules that hold the head."""

    model: Any
    modules: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """The name under which the backbone lies in the classifier."""
        return str(self.model.base_model_prefix)


def classifier(backbone: nn.Module, trained: Trained) -> SequenceClassifier | None:
    """The architecture's classifier, where it computes this backbone's very logits, which is found by trying, or None.

    Where a layer with an activation a stands before the last one, it is made to pass the logits z as they are:
    a(z) − a(−z) = z for ReLU, GELU and SiLU, and (tanh(s z) − tanh(−s z)) / 2 s → z for a small s.
    """
    import torch

    from study.engine.shortcuts import equivalence

    if trained.frame.kind != CLASSIFY:
        return None
    ids, mask = equivalence.probe_tokens(backbone)
    with torch.no_grad():
        wanted = trained.logits_module(backbone)(ids, mask)
        largest = max(1.0, float(wanted.abs().max()))
        for fill in _ways(backbone, trained):
            try:
                made = _empty(backbone, trained)
                modules = fill(made)
                answered = made(input_ids=ids, attention_mask=mask).logits
            except equivalence.ODD:  # another architecture on top of the backbone, or none
                continue
            if answered.shape == wanted.shape and (answered - wanted).abs().max() <= TOLERANCE * largest:
                return SequenceClassifier(made, modules)
    return None


def _empty(backbone: nn.Module, trained: Trained) -> Any:
    """The architecture's classifier with this backbone; ValueError where there is none, or it lacks something."""
    from transformers import AutoModelForSequenceClassification

    from study.models.attention import NAME

    config: Any = copy.deepcopy(backbone.config)
    config.num_labels = len(trained.bias)
    config.id2label = dict(enumerate(trained.classes))
    config.label2id = {name: i for i, name in enumerate(trained.classes)}
    if config._attn_implementation == NAME:
        config._attn_implementation = "sdpa"
    trusted = trained.configuration.model.trust_remote_code
    made = AutoModelForSequenceClassification.from_config(config, trust_remote_code=trusted).eval()
    # What it has no place for, such as a pooler that it does not use, is left out.
    lacking = getattr(made, made.base_model_prefix).load_state_dict(backbone.state_dict(), strict=False).missing_keys
    if lacking:
        raise ValueError(f"the backbone lacks {lacking[0]}")
    return made


def _ways(backbone: nn.Module, trained: Trained) -> Iterator[Callable[[Any], tuple[str, ...]]]:
    """Functions that put the head into a classifier and return the names of the modules that they changed."""
    yield partial(_fill_last, trained)
    yield partial(_fill_pooler_and_last, backbone, trained)
    for scale in SCALES:
        yield partial(_fill_by_differences, trained, scale)


def _fill_last(trained: Trained, made: Any) -> tuple[str, ...]:
    """Put the head into the last layer, over all that comes before it as it is; the module's name."""
    name, last = _linear(made, LAST)
    _set(last, trained.head, trained.bias)
    return (name.partition(".")[0],)


def _fill_pooler_and_last(backbone: nn.Module, trained: Trained, made: Any) -> tuple[str, ...]:
    """Put the head into the last layer, and the backbone's pooler into the classifier's layer before it; their
    names."""
    _, pooler = _linear(backbone, POOLER)
    before, inner = _linear(made, BEFORE)
    _set(inner, pooler.weight, pooler.bias)
    return tuple(dict.fromkeys((before.partition(".")[0], *_fill_last(trained, made))))


def _fill_by_differences(trained: Trained, scale: float, made: Any) -> tuple[str, ...]:
    """Let the layer before the last compute the logits and their opposites, and the last their difference; their
    names."""
    import torch

    count = len(trained.bias)
    prefix = made.base_model_prefix
    before, inner = _linear(made, (*BEFORE, *(f"{prefix}.{pooler}" for pooler in POOLER)))
    name, last = _linear(made, LAST)
    both = scale * torch.cat([trained.head, -trained.head])
    rest = inner.weight.new_zeros(len(inner.weight) - 2 * count, inner.in_features)
    weight = torch.cat([both, rest])
    bias = torch.cat([scale * trained.bias, -scale * trained.bias, rest[:, 0]])
    _set(inner, weight, bias)
    one = torch.eye(count) / (scale if scale == 1 else 2 * scale)
    _set(last, torch.cat([one, -one, one.new_zeros(count, last.in_features - 2 * count)], dim=1), torch.zeros(count))
    return tuple(dict.fromkeys((before.removeprefix(f"{prefix}.").partition(".")[0], name.partition(".")[0])))


def _linear(made: Any, names: tuple[str, ...]) -> tuple[str, nn.Linear]:
    """The first of the names that is a linear layer of the classifier, and the layer; ValueError where none is."""
    from torch import nn

    modules = dict(made.named_modules())
    for name in names:
        if isinstance(layer := modules.get(name), nn.Linear):
            return name, layer
    raise ValueError(f"no linear layer is called {', '.join(names)}")


def _set(layer: nn.Linear, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Copy weight and bias into the layer; ValueError where they do not fit."""
    if weight.shape != layer.weight.shape or (layer.bias is None and bias.any()):
        raise ValueError("the head does not fit")
    layer.weight.copy_(weight)
    if layer.bias is not None:
        layer.bias.copy_(bias)


def code(place: str, model: str, imports: str, manifest: Manifest, text: str) -> str:
    """Python that computes `logits` of one text; `model` is an expression for transformers' classifier."""
    return f"""{imports}from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = "{place}"
tokenizer = AutoTokenizer.from_pretrained(folder{manifest.trusting})
model = {model}.eval()
batch = tokenizer(["{text}"], truncation=True, max_length={manifest.frame.longest}, return_tensors="pt")
logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits"""
