"""The classifier on top of a backbone: head.safetensors with weight [outputs, hidden] and bias [outputs]."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from study.export.runtime.manifest import Manifest

FILE = "head.safetensors"


def write(folder: Path, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Write the head's weight and bias into an export's folder."""
    from safetensors.torch import save_file

    save_file({"weight": weight.contiguous(), "bias": bias.contiguous()}, folder / FILE)


def read(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """The head's weight [outputs, hidden] and bias [outputs] in an export's folder."""
    from safetensors.torch import load_file

    tensors = load_file(folder / FILE)
    return tensors["weight"], tensors["bias"]


def exists(folder: Path) -> bool:
    """Whether the export keeps its head apart."""
    return (folder / FILE).is_file()


POOLED = {  # what `pooled` is of a model's output and the mask [1, T], as a person writes it
    "mean": "(output.last_hidden_state * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)",
    "cls": "output.last_hidden_state[:, 0]",
    "last": "output.last_hidden_state[:, -1]",  # one text alone has no padding
    "pooler": "output.pooler_output",
}


def code(place: str, model: str, imports: str, manifest: Manifest, text: str) -> str:
    """Python that computes `logits` of one text with transformers, with `model` for the backbone."""
    call = f'tokenizer(["{text}"], truncation=True, max_length={manifest.frame.longest}, return_tensors="pt")'
    return f"""from safetensors.torch import load_file
{imports}

folder = "{place}"
tokenizer, head = AutoTokenizer.from_pretrained(folder{manifest.trusting}), load_file(f"{{folder}}/head.safetensors")
model = {model}.eval()
batch = {call}
ids, mask = batch["input_ids"], batch["attention_mask"]
output = model(input_ids=ids, attention_mask=mask)
pooled = {POOLED[manifest.pooling]}
logits = pooled @ head["weight"].T + head["bias"]"""
